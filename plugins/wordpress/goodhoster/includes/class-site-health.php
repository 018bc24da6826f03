<?php
/**
 * The check in Site Health.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Tells administrators whether uploads are checked.
 */
final class Site_Health {

	/**
	 * Takes its place.
	 */
	public function register() {
		add_filter( 'site_status_tests', array( $this, 'add_test' ) );
	}

	/**
	 * Adds the check.
	 *
	 * @param array $tests The checks.
	 * @return array With ours.
	 */
	public function add_test( $tests ) {
		$tests['direct']['goodhoster'] = array(
			'label' => __( 'Uploads are checked', 'goodhoster' ),
			'test'  => array( $this, 'run' ),
		);
		return $tests;
	}

	/**
	 * Asks about a few harmless bytes, the way an upload is asked about.
	 *
	 * @return array As Site Health wants it.
	 */
	public function run() {
		$answer = Settings::client()->check_bytes( 'a question of Site Health', 'site-health.txt', Settings::get( 'customer' ) );
		$wrong  = Settings::wrong();
		$last   = get_site_option( Settings::LAST_UNCHECKED );
		$texts  = array();
		if ( $wrong ) {
			/* translators: %s: names of settings. */
			$texts[] = sprintf( __( 'These settings are not usable: %s.', 'goodhoster' ), implode( ', ', $wrong ) );
		}
		if ( Answer::ACCEPT !== $answer->decision ) {
			/* translators: %s: the reason, in English. */
			$texts[] = sprintf( __( 'Uploads cannot be checked: %s.', 'goodhoster' ), '' !== $answer->reason ? $answer->reason : $answer->decision );
			$texts[] = 'open' === Settings::get( 'on_unchecked' )
				? __( 'They are stored unchecked.', 'goodhoster' )
				: __( 'They are refused until that is mended.', 'goodhoster' );
		}
		$ok = array() === $texts;
		if ( $ok ) {
			$texts[] = __( 'Goodhoster answers: each upload is compared with known material before it is stored.', 'goodhoster' );
		}
		if ( is_array( $last ) && isset( $last['at'], $last['reason'] ) ) {
			/* translators: 1: date and time, 2: the reason, in English. */
			$texts[] = sprintf( __( 'The last upload that could not be checked: %1$s (%2$s).', 'goodhoster' ), wp_date( 'Y-m-d H:i:s T', (int) $last['at'] ), $last['reason'] );
		}
		return array(
			'label'       => $ok ? __( 'Uploads are checked', 'goodhoster' ) : __( 'Uploads are not checked', 'goodhoster' ),
			'status'      => $ok ? 'good' : 'critical',
			'badge'       => array(
				'label' => __( 'Security', 'goodhoster' ),
				'color' => $ok ? 'blue' : 'red',
			),
			'description' => '<p>' . implode( '</p><p>', array_map( 'esc_html', $texts ) ) . '</p>',
			'actions'     => '',
			'test'        => 'goodhoster',
		);
	}
}
