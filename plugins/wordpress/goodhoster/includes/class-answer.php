<?php
/**
 * What goodhoster answers about a file.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * An answer. Whatever is no clear answer is `unchecked`.
 */
final class Answer {

	const ACCEPT    = 'accept';
	const REFUSE    = 'refuse';
	const UNCHECKED = 'unchecked';

	/**
	 * One of the three above.
	 *
	 * @var string
	 */
	public $decision;

	/**
	 * The number of the case; empty where there is none.
	 *
	 * @var string
	 */
	public $reference;

	/**
	 * Why it is unchecked, for the administrator.
	 *
	 * @var string
	 */
	public $reason;

	/**
	 * Holds the parts.
	 *
	 * @param string $decision  One of the constants.
	 * @param string $reference The number of the case.
	 * @param string $reason    Why it is unchecked.
	 */
	public function __construct( $decision, $reference = '', $reason = '' ) {
		$this->decision  = $decision;
		$this->reference = $reference;
		$this->reason    = $reason;
	}

	/**
	 * The answer when nobody could tell.
	 *
	 * @param string $reason Why, for the administrator.
	 * @return self
	 */
	public static function unchecked( $reason ) {
		return new self( self::UNCHECKED, '', $reason );
	}

	/**
	 * Reads a response of the HTTP door.
	 *
	 * @param int    $status The HTTP status.
	 * @param string $body   The body.
	 * @return self
	 */
	public static function from_response( $status, $body ) {
		$told = json_decode( $body, true, 8 );
		if ( 200 !== $status ) {
			$detail = is_array( $told ) && isset( $told['detail'] ) && is_string( $told['detail'] ) ? $told['detail'] : '';
			return self::unchecked( trim( "HTTP $status " . substr( $detail, 0, 200 ) ) );
		}
		$decision  = is_array( $told ) && isset( $told['decision'] ) ? $told['decision'] : null;
		$reference = is_array( $told ) && isset( $told['reference'] ) ? $told['reference'] : '';
		if ( ! is_string( $reference ) || ! preg_match( '/^[A-Za-z0-9-]{0,64}$/', $reference ) ) {
			$reference = '';
		}
		if ( self::ACCEPT === $decision || self::REFUSE === $decision ) {
			return new self( $decision, $reference );
		}
		$reason = self::UNCHECKED === $decision && isset( $told['reason'] ) && is_string( $told['reason'] ) ? $told['reason'] : 'an invalid answer';
		return self::unchecked( substr( $reason, 0, 200 ) );
	}
}
