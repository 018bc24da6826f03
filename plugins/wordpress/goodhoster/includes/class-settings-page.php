<?php
/**
 * The page of the settings.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * The page: below Settings, on a network in its own administration.
 */
final class Settings_Page {

	const SLUG = 'goodhoster';

	/**
	 * Takes its place.
	 */
	public function register() {
		add_action( is_multisite() ? 'network_admin_menu' : 'admin_menu', array( $this, 'add' ) );
		add_action( 'admin_post_goodhoster_save', array( $this, 'save' ) );
	}

	/**
	 * Adds the page to the menu.
	 */
	public function add() {
		add_submenu_page( is_multisite() ? 'settings.php' : 'options-general.php', 'Goodhoster', 'Goodhoster', self::capability(), self::SLUG, array( $this, 'show' ) );
	}

	/**
	 * Prints the page.
	 */
	public function show() {
		$labels = array(
			'address'  => __( 'Address', 'goodhoster' ),
			'token'    => __( 'Token', 'goodhoster' ),
			'customer' => __( 'Customer', 'goodhoster' ),
			'timeout'  => __( 'Seconds a question may take', 'goodhoster' ),
		);
		$hints  = array(
			'address'  => __( 'Your hosting provider tells you, for instance unix:/run/goodhoster/api.sock or http://127.0.0.1:8462', 'goodhoster' ),
			'token'    => __( 'Leave it empty to keep the one that is stored.', 'goodhoster' ),
			'customer' => __( 'Your number at the hosting provider; empty where the token says it.', 'goodhoster' ),
			'timeout'  => '',
		);
		echo '<div class="wrap"><h1>Goodhoster</h1>';
		$this->show_notice();
		echo '<form method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '"><input type="hidden" name="action" value="goodhoster_save">';
		wp_nonce_field( 'goodhoster_save' );
		echo '<table class="form-table" role="presentation">';
		foreach ( $labels as $name => $label ) {
			echo '<tr><th scope="row"><label for="goodhoster-' . esc_attr( $name ) . '">' . esc_html( $label ) . '</label></th><td>';
			echo '<input class="regular-text" autocomplete="off" id="goodhoster-' . esc_attr( $name ) . '" name="' . esc_attr( $name ) . '" type="' . esc_attr( 'token' === $name ? 'password' : 'text' ) . '" value="' . esc_attr( 'token' === $name ? '' : Settings::get( $name ) ) . '"' . disabled( Settings::is_constant( $name ), true, false ) . '>';
			echo '<p class="description">' . esc_html( Settings::is_constant( $name ) ? __( 'Set in wp-config.php.', 'goodhoster' ) : $hints[ $name ] ) . '</p></td></tr>';
		}
		$this->show_choice();
		echo '</table>';
		submit_button();
		echo '</form></div>';
	}

	/**
	 * Stores what was sent, and shows the page again.
	 */
	public function save() {
		if ( ! current_user_can( self::capability() ) ) {
			wp_die( esc_html__( 'Sorry, you are not allowed to do that.', 'goodhoster' ), '', array( 'response' => 403 ) );
		}
		check_admin_referer( 'goodhoster_save' );
		$given = array();
		foreach ( array_keys( Settings::DEFAULTS ) as $name ) {
			if ( isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) && ! Settings::is_constant( $name ) ) {
				$given[ $name ] = sanitize_text_field( wp_unslash( $_POST[ $name ] ) );
			}
		}
		if ( isset( $given['token'] ) && '' === $given['token'] ) {
			unset( $given['token'] );
		}
		$page = is_multisite() ? network_admin_url( 'settings.php' ) : admin_url( 'options-general.php' );
		wp_safe_redirect(
			add_query_arg(
				array(
					'page'  => self::SLUG,
					'saved' => implode( ',', Settings::save( $given ) ),
				),
				$page
			)
		);
		exit;
	}

	/**
	 * Prints whether it was stored, and whether goodhoster answers.
	 */
	private function show_notice() {
		// Only says what was stored just now; nothing is done.
		if ( isset( $_GET['saved'] ) ) { // phpcs:ignore WordPress.Security.NonceVerification.Recommended
			$wrong = array_intersect( explode( ',', sanitize_text_field( wp_unslash( $_GET['saved'] ) ) ), array_keys( Settings::DEFAULTS ) ); // phpcs:ignore WordPress.Security.NonceVerification.Recommended
			/* translators: %s: names of settings. */
			$text = $wrong ? sprintf( __( 'These settings are not usable: %s.', 'goodhoster' ), implode( ', ', $wrong ) ) : __( 'Saved.', 'goodhoster' );
			echo '<div class="notice ' . ( $wrong ? 'notice-error' : 'notice-success' ) . '"><p>' . esc_html( $text ) . '</p></div>';
		}
		$health = ( new Site_Health() )->run();
		echo '<div class="notice inline ' . ( 'good' === $health['status'] ? 'notice-success' : 'notice-error' ) . '">' . wp_kses_post( $health['description'] ) . '</div>';
	}

	/**
	 * Prints the choice what to do with what could not be checked.
	 */
	private function show_choice() {
		$choices = array(
			'open'   => __( 'Store it: the site goes on working, and known material can be stored meanwhile.', 'goodhoster' ),
			'closed' => __( 'Refuse it: users are asked to try again later.', 'goodhoster' ),
		);
		echo '<tr><th scope="row">' . esc_html__( 'What could not be checked', 'goodhoster' ) . '</th><td><fieldset>';
		foreach ( $choices as $value => $text ) {
			echo '<label><input type="radio" name="on_unchecked" value="' . esc_attr( $value ) . '"' . checked( Settings::get( 'on_unchecked' ), $value, false ) . disabled( Settings::is_constant( 'on_unchecked' ), true, false ) . '> ' . esc_html( $text ) . '</label><br>';
		}
		echo '</fieldset></td></tr>';
	}

	/**
	 * What a user needs who may change the settings.
	 *
	 * @return string
	 */
	private static function capability() {
		return is_multisite() ? 'manage_network_options' : 'manage_options';
	}
}
