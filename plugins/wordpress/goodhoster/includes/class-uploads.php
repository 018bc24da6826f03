<?php
/**
 * Every way on which WordPress stores an upload.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Stands in the way of uploads.
 *
 *     upload form, REST multipart        wp_handle_upload_prefilter
 *     REST raw, from an address, plugin  wp_handle_sideload_prefilter
 *     XML-RPC, cover art                 wp_upload_bits
 *     any other action of a plugin       wp_handle_upload, after the file was moved: it is removed again
 *
 * The filter pre_move_uploaded_file cannot refuse anything: WordPress would go on without a file.
 */
final class Uploads {

	/**
	 * What decides.
	 *
	 * @var Checker
	 */
	private $checker;

	/**
	 * What was refused during the current REST request.
	 *
	 * @var Refusal|null
	 */
	private $refused = null;

	/**
	 * Holds what decides.
	 *
	 * @param Checker $checker What decides.
	 */
	public function __construct( Checker $checker ) {
		$this->checker = $checker;
	}

	/**
	 * Takes its places: last before a file is moved and first after that, so that no other plugin changes it in between.
	 */
	public function register() {
		add_filter( 'wp_handle_upload_prefilter', array( $this, 'before_move' ), PHP_INT_MAX );
		add_filter( 'wp_handle_sideload_prefilter', array( $this, 'before_move' ), PHP_INT_MAX );
		add_filter( 'wp_upload_bits', array( $this, 'before_write' ), PHP_INT_MAX );
		add_filter( 'wp_handle_upload', array( $this, 'after_move' ), PHP_INT_MIN );
		add_filter( 'rest_request_before_callbacks', array( $this, 'before_request' ), PHP_INT_MIN );
		add_filter( 'rest_request_after_callbacks', array( $this, 'after_request' ), PHP_INT_MAX, 3 );
	}

	/**
	 * Decides about a file that is not moved yet; whoever handed it over removes it.
	 *
	 * @param array $file As in $_FILES.
	 * @return array With `error` where it is refused.
	 */
	public function before_move( $file ) {
		if ( ! is_array( $file ) || ! empty( $file['error'] ) || empty( $file['tmp_name'] ) ) {
			return $file;
		}
		$refusal = $this->checker->refusal_of_file( $file['tmp_name'], isset( $file['name'] ) ? (string) $file['name'] : '' );
		if ( null !== $refusal ) {
			$file['error'] = $this->refuse( $refusal, 'refused' );
		}
		return $file;
	}

	/**
	 * Decides about bytes that are not written yet.
	 *
	 * @param array|string $upload With `name` and `bits`; or why another plugin refuses it.
	 * @return array|string Why it is refused, or what was given.
	 */
	public function before_write( $upload ) {
		if ( ! is_array( $upload ) || ! isset( $upload['bits'] ) || ! is_string( $upload['bits'] ) ) {
			return $upload;
		}
		$refusal = $this->checker->refusal_of_bytes( $upload['bits'], isset( $upload['name'] ) ? (string) $upload['name'] : '' );
		return null === $refusal ? $upload : $this->refuse( $refusal, 'refused' );
	}

	/**
	 * Decides about a file that was moved already, unless it was asked about before.
	 *
	 * @param array $upload With `file`, `url`, `type`.
	 * @return array With `error` alone where it is refused.
	 */
	public function after_move( $upload ) {
		if ( ! is_array( $upload ) || ! empty( $upload['error'] ) || empty( $upload['file'] ) ) {
			return $upload;
		}
		$refusal = $this->checker->refusal_of_file( $upload['file'], wp_basename( $upload['file'] ) );
		if ( null === $refusal ) {
			return $upload;
		}
		wp_delete_file( $upload['file'] );
		clearstatcache();
		$kept = file_exists( $upload['file'] );
		if ( $kept ) {
			Checker::log( "a refused file could not be removed: {$upload['file']}" );
		}
		return array( 'error' => $this->refuse( $refusal, $kept ? 'kept' : 'refused' ) );
	}

	/**
	 * Forgets what an earlier request of the same process was refused.
	 *
	 * @param mixed $response What is answered so far.
	 * @return mixed The same.
	 */
	public function before_request( $response ) {
		$this->refused = null;
		return $response;
	}

	/**
	 * Answers a refusal as such: WordPress would make an internal error (500) of it.
	 *
	 * @param \WP_REST_Response|\WP_HTTP_Response|\WP_Error|mixed $response What WordPress answers.
	 * @param array                                               $handler  Unused.
	 * @param \WP_REST_Request                                    $request  The request.
	 * @return \WP_REST_Response|\WP_HTTP_Response|\WP_Error|mixed
	 */
	public function after_request( $response, $handler, $request ) {
		$refusal       = $this->refused;
		$this->refused = null;
		if ( null === $refusal || ! is_wp_error( $response ) ) {
			return $response;
		}
		// A browser sends sizes, and the original of a converted picture, after the attachment was made (WordPress 7.1).
		if ( '' !== $refusal->reference && preg_match( '#^/wp/v2/media/([0-9]+)/sideload$#', $request->get_route(), $found ) ) {
			( new Takedown( (int) $found[1] ) )->close( $refusal->reference );
		}
		return new \WP_Error( $refusal->code, $refusal->message, array( 'status' => $refusal->status ) );
	}

	/**
	 * Notes a refusal and reports it.
	 *
	 * @param Refusal $refusal The refusal.
	 * @param string  $outcome What was done.
	 * @return string The text for the uploader.
	 */
	private function refuse( Refusal $refusal, $outcome ) {
		$this->refused = $refusal;
		$this->checker->report( $refusal, $outcome );
		return $refusal->message;
	}
}
