<?php
/**
 * Plugin Name:       Goodhoster
 * Description:       Asks the goodhoster of your hosting provider before a file is stored, and refuses what is known child sexual abuse material.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            The goodhoster authors
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       goodhoster
 * Domain Path:       /languages
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

require_once __DIR__ . '/includes/class-answer.php';
require_once __DIR__ . '/includes/class-client.php';
require_once __DIR__ . '/includes/class-settings.php';
require_once __DIR__ . '/includes/class-refusal.php';
require_once __DIR__ . '/includes/class-cover.php';
require_once __DIR__ . '/includes/class-checker.php';
require_once __DIR__ . '/includes/class-uploads.php';
require_once __DIR__ . '/includes/class-takedown.php';
require_once __DIR__ . '/includes/class-takedown-api.php';
require_once __DIR__ . '/includes/class-site-health.php';

( new Uploads( new Checker() ) )->register();
( new Takedown_Api() )->register();
( new Site_Health() )->register();

if ( is_admin() ) {
	require_once __DIR__ . '/includes/class-settings-page.php';
	( new Settings_Page() )->register();
}

if ( defined( 'WP_CLI' ) && WP_CLI ) {
	require_once __DIR__ . '/includes/class-command.php';
	\WP_CLI::add_command( 'goodhoster', Command::class );
}

add_action( 'init', __NAMESPACE__ . '\load_translation' );

/**
 * Loads the translation of the user's language; one serves all countries and forms of address.
 */
function load_translation() {
	$files    = array(
		'de' => 'goodhoster-de_DE.mo',
		'nl' => 'goodhoster-nl_NL.mo',
	);
	$language = substr( determine_locale(), 0, 2 );
	if ( isset( $files[ $language ] ) ) {
		load_textdomain( 'goodhoster', __DIR__ . '/languages/' . $files[ $language ] );
	}
}
