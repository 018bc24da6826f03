<?php
/**
 * Taking an attachment offline with all its sizes, and back.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

// The WordPress file system API would ask for FTP credentials where it likes; these are modes of files of our own.
// phpcs:disable WordPress.WP.AlternativeFunctions, WordPress.PHP.NoSilencedErrors

/**
 * An attachment whose files nobody may read: mode 0000, while they stay where they are.
 *
 * The modes from before are in the meta of the attachment, so that it can be undone exactly.
 */
final class Takedown {

	const META = '_goodhoster_takedown';

	/**
	 * The attachment.
	 *
	 * @var int
	 */
	private $id;

	/**
	 * Holds the attachment.
	 *
	 * @param int $id Its id.
	 */
	public function __construct( $id ) {
		$this->id = $id;
	}

	/**
	 * The attachment that an address or a path belongs to, whichever of its sizes it is.
	 *
	 * @param string $place A URL, a path, or a path below the upload directory.
	 * @return int Its id; 0 where there is none.
	 */
	public static function attachment_of( $place ) {
		$uploads = wp_get_upload_dir();
		$plain   = preg_replace( '#^https?:#', '', strtok( $place, '?#' ) );
		foreach ( array( preg_replace( '#^https?:#', '', $uploads['baseurl'] ), $uploads['basedir'] ) as $base ) {
			if ( 0 === strpos( $plain, $base . '/' ) ) {
				$plain = substr( $plain, strlen( $base ) + 1 );
			}
		}
		$plain = rawurldecode( $plain );
		// Sizes have names of their own: name-300x200.jpg, name-scaled.jpg, name-rotated.jpg.
		$stem = preg_replace( '#(-[0-9]+x[0-9]+|-scaled|-rotated|-e[0-9]+)*\.[^./]+$#', '', $plain );
		foreach ( self::candidates( $stem ) as $id ) {
			if ( in_array( $uploads['basedir'] . '/' . $plain, ( new self( $id ) )->files(), true ) ) {
				return $id;
			}
		}
		return 0;
	}

	/**
	 * Every file of the attachment that is or should be there.
	 *
	 * @return string[] Their paths.
	 */
	public function files() {
		$main = (string) get_attached_file( $this->id, true );
		if ( '' === $main ) {
			return array();
		}
		$meta  = wp_get_attachment_metadata( $this->id, true );
		$meta  = is_array( $meta ) ? $meta : array();
		$names = array_merge(
			array( wp_basename( $main ) ),
			self::names( array_intersect_key( $meta, array_flip( array( 'file', 'original_image', 'source_original', 'thumb' ) ) ) ),
			self::names( isset( $meta['sizes'] ) ? $meta['sizes'] : array() ),
			self::names( get_post_meta( $this->id, '_wp_attachment_backup_sizes', true ) ),
			self::names( get_post_meta( $this->id, '_wp_sideloaded_file' ) )
		);
		$folder = dirname( $main );
		return array_values(
			array_unique(
				array_map(
					static function ( $name ) use ( $folder ) {
						return "$folder/$name";
					},
					$names
				)
			)
		);
	}

	/**
	 * Takes it offline.
	 *
	 * @param string $reason Why, such as the number of a case.
	 * @return array<string, string> What was seen of each file afterwards: closed, missing, failed.
	 */
	public function close( $reason ) {
		$before = get_post_meta( $this->id, self::META, true );
		$modes  = is_array( $before ) && isset( $before['modes'] ) ? $before['modes'] : array();
		$files  = $this->files();
		foreach ( $files as $file ) {
			if ( is_file( $file ) && ! is_link( $file ) && ! isset( $modes[ $file ] ) ) {
				$modes[ $file ] = fileperms( $file ) & 07777;
			}
		}
		// Written first: what was closed can always be opened again.
		update_post_meta(
			$this->id,
			self::META,
			wp_slash(
				array(
					'modes'  => $modes,
					'reason' => $reason,
					'at'     => is_array( $before ) && isset( $before['at'] ) ? $before['at'] : time(),
				)
			)
		);
		$seen = array();
		foreach ( $files as $file ) {
			$seen[ $file ] = self::set_mode( $file, 0, 'closed' );
		}
		Checker::log( "attachment {$this->id} was taken offline ($reason): " . wp_json_encode( array_count_values( $seen ) ) );
		return $seen;
	}

	/**
	 * Puts it back online.
	 *
	 * @return array<string, string> What was seen of each file afterwards: open, missing, failed.
	 */
	public function open() {
		$before = get_post_meta( $this->id, self::META, true );
		$modes  = is_array( $before ) && isset( $before['modes'] ) ? $before['modes'] : array();
		$seen   = array();
		foreach ( $modes as $file => $mode ) {
			$seen[ $file ] = self::set_mode( $file, (int) $mode, 'open' );
		}
		if ( ! in_array( 'failed', $seen, true ) ) {
			delete_post_meta( $this->id, self::META );
		}
		Checker::log( "attachment {$this->id} was put back online: " . wp_json_encode( array_count_values( $seen ) ) );
		return $seen;
	}

	/**
	 * Sets a mode and looks whether it is set. Links are not followed.
	 *
	 * @param string $file The file.
	 * @param int    $mode The mode.
	 * @param string $word What to say when it is set.
	 * @return string That, or missing, or failed.
	 */
	private static function set_mode( $file, $mode, $word ) {
		clearstatcache( true, $file );
		if ( is_link( $file ) ) {
			return 'failed';
		}
		if ( ! is_file( $file ) ) {
			return 'missing';
		}
		@chmod( $file, $mode );
		clearstatcache( true, $file );
		return ( fileperms( $file ) & 07777 ) === $mode ? $word : 'failed';
	}

	/**
	 * Attachments whose file begins with that.
	 *
	 * @param string $stem Below the upload directory, without extension.
	 * @return int[] Their ids, at most 50.
	 */
	private static function candidates( $stem ) {
		global $wpdb;
		$like = $wpdb->esc_like( $stem ) . '%';
		// No function of WordPress finds an attachment by the beginning of its file's name, and a cache could be wrong here.
		$found = $wpdb->get_col( // phpcs:ignore WordPress.DB.DirectDatabaseQuery
			$wpdb->prepare( "SELECT post_id FROM {$wpdb->postmeta} WHERE meta_key = '_wp_attached_file' AND meta_value LIKE %s ORDER BY post_id LIMIT 50", $like )
		);
		return array_map( 'intval', $found );
	}

	/**
	 * The names of files in a part of an attachment's meta. Folders in them are not believed.
	 *
	 * @param mixed $part Names, or arrays with the key `file`.
	 * @return string[]
	 */
	private static function names( $part ) {
		$names = array();
		foreach ( is_array( $part ) ? $part : array() as $entry ) {
			$name = is_array( $entry ) && isset( $entry['file'] ) ? $entry['file'] : $entry;
			if ( is_string( $name ) && '' !== $name ) {
				$names[] = wp_basename( $name );
			}
		}
		return array_values( array_diff( $names, array( '.', '..', '' ) ) );
	}
}
