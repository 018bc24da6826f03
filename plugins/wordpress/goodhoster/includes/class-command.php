<?php
/**
 * Commands of WP-CLI.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Takes attachments offline with all their sizes, and back.
 */
final class Command {

	/**
	 * Takes an attachment offline with all its sizes.
	 *
	 * ## OPTIONS
	 *
	 * <attachment>
	 * : Its id, the URL or the path of one of its files.
	 *
	 * [--reason=<text>]
	 * : Why, such as the number of a case.
	 *
	 * @param string[]              $args    The attachment.
	 * @param array<string, string> $options The options.
	 */
	public function takedown( $args, $options ) {
		self::tell( self::attachment( $args[0] )->close( isset( $options['reason'] ) ? $options['reason'] : '' ) );
	}

	/**
	 * Puts an attachment back online.
	 *
	 * ## OPTIONS
	 *
	 * <attachment>
	 * : Its id, the URL or the path of one of its files.
	 *
	 * @param string[] $args The attachment.
	 */
	public function restore( $args ) {
		self::tell( self::attachment( $args[0] )->open() );
	}

	/**
	 * Lists the files of an attachment.
	 *
	 * ## OPTIONS
	 *
	 * <attachment>
	 * : Its id, the URL or the path of one of its files.
	 *
	 * @param string[] $args The attachment.
	 */
	public function files( $args ) {
		foreach ( self::attachment( $args[0] )->files() as $file ) {
			\WP_CLI::line( $file );
		}
	}

	/**
	 * The attachment that is meant; ends with an error where there is none.
	 *
	 * @param string $given Its id, or the URL or path of one of its files.
	 * @return Takedown
	 */
	private static function attachment( $given ) {
		$id = ctype_digit( $given ) ? (int) $given : Takedown::attachment_of( $given );
		if ( 'attachment' !== get_post_type( $id ) ) {
			\WP_CLI::error( "There is no attachment $given on this site." );
		}
		return new Takedown( $id );
	}

	/**
	 * Tells what was seen; ends with an error where a file is not as it should be.
	 *
	 * @param array<string, string> $seen What was seen of each file.
	 */
	private static function tell( array $seen ) {
		foreach ( $seen as $file => $state ) {
			\WP_CLI::line( "$state $file" );
		}
		if ( array() === $seen || in_array( 'failed', $seen, true ) ) {
			\WP_CLI::error( 'Not done: see above. Change the mode of those files as their owner.' );
		}
		\WP_CLI::success( 'Done. Caches and content delivery networks may still have copies.' );
	}
}
