<?php
/**
 * Removes the settings. What was taken offline stays so: its meta says how to undo it.
 *
 * @package Goodhoster
 */

if ( ! defined( 'WP_UNINSTALL_PLUGIN' ) ) {
	exit;
}

delete_site_option( 'goodhoster_settings' );
delete_site_option( 'goodhoster_last_unchecked' );
