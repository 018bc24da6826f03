<?php
/**
 * Taking attachments offline over REST.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Takes attachments offline for an administrator who signs in with an application password.
 *
 *     POST /wp-json/goodhoster/v1/takedown  {"attachment": 12} or {"url": …}, {"reason": …}
 *     POST /wp-json/goodhoster/v1/restore   the same
 */
final class Takedown_Api {

	/**
	 * Takes its place.
	 */
	public function register() {
		add_action( 'rest_api_init', array( $this, 'add_routes' ) );
	}

	/**
	 * Adds the routes.
	 */
	public function add_routes() {
		foreach ( array( 'takedown', 'restore' ) as $verb ) {
			register_rest_route(
				'goodhoster/v1',
				"/$verb",
				array(
					'methods'             => 'POST',
					'callback'            => array( $this, $verb ),
					'permission_callback' => array( $this, 'may' ),
					'args'                => array(
						'attachment' => array( 'type' => 'integer' ),
						'url'        => array( 'type' => 'string' ),
						'reason'     => array(
							'type'      => 'string',
							'default'   => '',
							'maxLength' => 200,
						),
					),
				)
			);
		}
	}

	/**
	 * Whether the user may: an administrator, of a network its super administrator.
	 *
	 * @return bool
	 */
	public function may() {
		return current_user_can( is_multisite() ? 'manage_network_options' : 'manage_options' );
	}

	/**
	 * Takes an attachment offline.
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return \WP_REST_Response|\WP_Error
	 */
	public function takedown( $request ) {
		$id = self::attachment( $request );
		return $id ? self::answer( $id, ( new Takedown( $id ) )->close( sanitize_text_field( $request['reason'] ) ) ) : self::none();
	}

	/**
	 * Puts an attachment back online.
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return \WP_REST_Response|\WP_Error
	 */
	public function restore( $request ) {
		$id = self::attachment( $request );
		return $id ? self::answer( $id, ( new Takedown( $id ) )->open() ) : self::none();
	}

	/**
	 * The attachment that is meant.
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return int 0 where there is none.
	 */
	private static function attachment( $request ) {
		$id = $request['attachment'] ? (int) $request['attachment'] : Takedown::attachment_of( (string) $request['url'] );
		return 'attachment' === get_post_type( $id ) ? $id : 0;
	}

	/**
	 * The answer: 500 unless each file was seen to be as it should.
	 *
	 * @param int                   $id   The attachment.
	 * @param array<string, string> $seen What was seen of each file.
	 * @return \WP_REST_Response
	 */
	private static function answer( $id, array $seen ) {
		$base  = wp_get_upload_dir()['basedir'] . '/';
		$files = array();
		foreach ( $seen as $file => $state ) {
			$files[] = array(
				'file'  => 0 === strpos( $file, $base ) ? substr( $file, strlen( $base ) ) : $file,
				'state' => $state,
			);
		}
		$done = array() !== $seen && ! in_array( 'failed', $seen, true );
		return new \WP_REST_Response(
			array(
				'attachment' => $id,
				'done'       => $done,
				'files'      => $files,
			),
			$done ? 200 : 500
		);
	}

	/**
	 * The answer where there is no such attachment.
	 *
	 * @return \WP_Error
	 */
	private static function none() {
		return new \WP_Error( 'goodhoster_no_attachment', __( 'There is no such attachment.', 'goodhoster' ), array( 'status' => 404 ) );
	}
}
