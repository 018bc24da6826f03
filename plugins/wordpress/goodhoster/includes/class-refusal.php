<?php
/**
 * Why a file is not stored.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Why a file is not stored, for its uploader.
 */
final class Refusal {

	/**
	 * The number of the case; empty where there is none.
	 *
	 * @var string
	 */
	public $reference;

	/**
	 * The code of the error.
	 *
	 * @var string
	 */
	public $code;

	/**
	 * The HTTP status of a REST response.
	 *
	 * @var int
	 */
	public $status;

	/**
	 * A polite text.
	 *
	 * @var string
	 */
	public $message;

	/**
	 * Holds the parts.
	 *
	 * @param string $code      The code of the error.
	 * @param int    $status    The HTTP status.
	 * @param string $message   A polite text.
	 * @param string $reference The number of the case.
	 */
	private function __construct( $code, $status, $message, $reference ) {
		$this->code      = $code;
		$this->status    = $status;
		$this->message   = $message;
		$this->reference = $reference;
	}

	/**
	 * The refusal of a file that is known.
	 *
	 * @param string $reference The number of the case.
	 * @return self
	 */
	public static function known( $reference ) {
		$message = sprintf(
			/* translators: %s: the number of the case. */
			__( 'This file cannot be accepted here. If you think that this is a mistake, contact the administrator of this site and name the reference %s.', 'goodhoster' ),
			'' !== $reference ? $reference : '-'
		);
		return new self( 'goodhoster_refused', 403, $message, $reference );
	}

	/**
	 * The refusal of a file that could not be checked.
	 *
	 * @return self
	 */
	public static function unchecked() {
		return new self( 'goodhoster_unchecked', 503, __( 'This file could not be checked just now. Please try again later.', 'goodhoster' ), '' );
	}
}
