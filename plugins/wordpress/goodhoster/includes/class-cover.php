<?php
/**
 * The picture inside an audio or video file.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Cover art, as WordPress itself would read it.
 */
final class Cover {

	/**
	 * Reads the picture inside a file.
	 *
	 * @param string $path The path of the file.
	 * @param string $name Its name: what is no audio and no video by its name is not looked into.
	 * @return string The bytes of the picture; empty where there is none.
	 */
	public static function of( $path, $name ) {
		$kind = substr( (string) wp_check_filetype( $name )['type'], 0, 6 );
		if ( 'audio/' !== $kind && 'video/' !== $kind ) {
			return '';
		}
		require_once ABSPATH . 'wp-admin/includes/media.php';
		try {
			$read = 'audio/' === $kind ? wp_read_audio_metadata( $path ) : wp_read_video_metadata( $path );
		} catch ( \Throwable $error ) { // The reader of such files may fail on a broken one; WordPress then makes no picture either.
			Checker::log( 'no cover art could be read: ' . $error->getMessage() );
			return '';
		}
		return isset( $read['image']['data'] ) && is_string( $read['image']['data'] ) ? $read['image']['data'] : '';
	}
}
