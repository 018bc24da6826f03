<?php
/**
 * The decision about one file.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Asks about files, and says why one is not to be stored.
 */
final class Checker {

	const MOST_REMEMBERED = 1000;

	/**
	 * SHA-256 digests of what may be stored, so that a file is asked about once on its way.
	 *
	 * @var array<string, true>
	 */
	private $accepted = array();

	/**
	 * Why a file is not to be stored.
	 *
	 * The pictures inside audio and video files are asked about, too: WordPress makes attachments of them.
	 *
	 * @param string $path Its path.
	 * @param string $name The name it shall have.
	 * @return Refusal|null Null where it may be stored.
	 */
	public function refusal_of_file( $path, $name ) {
		$digest = is_file( $path ) ? (string) hash_file( 'sha256', $path ) : '';
		if ( isset( $this->accepted[ $digest ] ) ) {
			return null;
		}
		$client  = Settings::client();
		$refusal = $this->refusal( $client->check_file( $path, $name, Settings::get( 'customer' ) ), $name );
		if ( null !== $refusal ) {
			return $refusal;
		}
		$cover   = Cover::of( $path, $name );
		$refusal = '' === $cover ? null : $this->refusal_of_bytes( $cover, $name );
		if ( null === $refusal ) {
			$this->remember( $digest );
		}
		return $refusal;
	}

	/**
	 * Why bytes are not to be stored.
	 *
	 * @param string $bytes The bytes.
	 * @param string $name  The name they shall have.
	 * @return Refusal|null Null where they may be stored.
	 */
	public function refusal_of_bytes( $bytes, $name ) {
		$digest = hash( 'sha256', $bytes );
		if ( isset( $this->accepted[ $digest ] ) ) {
			return null;
		}
		$answer  = Settings::client()->check_bytes( $bytes, $name, Settings::get( 'customer' ) );
		$refusal = $this->refusal( $answer, $name );
		if ( null === $refusal ) {
			$this->remember( $digest );
		}
		return $refusal;
	}

	/**
	 * Tells goodhoster what was done.
	 *
	 * @param Refusal $refusal Why the file was not to be stored.
	 * @param string  $outcome `refused` or `kept`.
	 */
	public function report( Refusal $refusal, $outcome ) {
		if ( '' !== $refusal->reference && ! Settings::client()->report( $refusal->reference, $outcome ) ) {
			self::log( "the outcome of {$refusal->reference} could not be reported: $outcome" );
		}
	}

	/**
	 * Writes a line to PHP's log.
	 *
	 * @param string $line The line.
	 */
	public static function log( $line ) {
		error_log( 'goodhoster: ' . preg_replace( '/[\x00-\x1f\x7f]/', '?', $line ) ); // phpcs:ignore WordPress.PHP.DevelopmentFunctions
	}

	/**
	 * What an answer means under the settings.
	 *
	 * @param Answer $answer The answer.
	 * @param string $name   The name of the file.
	 * @return Refusal|null Null where it may be stored.
	 */
	private function refusal( Answer $answer, $name ) {
		if ( Answer::ACCEPT === $answer->decision ) {
			return null;
		}
		if ( Answer::REFUSE === $answer->decision ) {
			self::log( "an upload was refused: {$answer->reference}" );
			return Refusal::known( $answer->reference );
		}
		$open = 'open' === Settings::get( 'on_unchecked' );
		self::log( ( $open ? 'an upload was let through unchecked' : 'an upload could not be checked and was refused' ) . ": {$answer->reason}; $name" );
		update_site_option(
			Settings::LAST_UNCHECKED,
			array(
				'at'     => time(),
				'reason' => $answer->reason,
				'stored' => $open,
			)
		);
		return $open ? null : Refusal::unchecked();
	}

	/**
	 * Remembers what may be stored.
	 *
	 * @param string $digest Its SHA-256 digest.
	 */
	private function remember( $digest ) {
		$this->accepted            = array_slice( $this->accepted, 1 - self::MOST_REMEMBERED, null, true );
		$this->accepted[ $digest ] = true;
	}
}
