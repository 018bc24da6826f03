<?php
/**
 * The settings.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * The settings, one set for all sites of a network.
 *
 * A constant in wp-config.php, such as GOODHOSTER_TOKEN, comes before what the page says.
 */
final class Settings {

	const OPTION         = 'goodhoster_settings';
	const LAST_UNCHECKED = 'goodhoster_last_unchecked';

	const DEFAULTS = array(
		'address'      => 'unix:/run/goodhoster/api.sock',
		'token'        => '',
		'customer'     => '',
		'on_unchecked' => 'open',
		'timeout'      => 5.0,
	);

	const IN_PLACE_OF_WRONG = array(
		'address'      => '',
		'on_unchecked' => 'closed',
	);

	/**
	 * One setting. What is written wrongly never makes more be stored: see IN_PLACE_OF_WRONG.
	 *
	 * @param string $name A key of DEFAULTS.
	 * @return string|float
	 */
	public static function get( $name ) {
		$given = self::given( $name );
		if ( null === $given ) {
			return self::DEFAULTS[ $name ];
		}
		$clean = self::clean( $name, $given );
		return null === $clean ? array_merge( self::DEFAULTS, self::IN_PLACE_OF_WRONG )[ $name ] : $clean;
	}

	/**
	 * The settings that are written wrongly.
	 *
	 * @return string[] Their names.
	 */
	public static function wrong() {
		return array_values(
			array_filter(
				array_keys( self::DEFAULTS ),
				static function ( $name ) {
					$given = self::given( $name );
					return null !== $given && null === self::clean( $name, $given );
				}
			)
		);
	}

	/**
	 * What wp-config.php or the page says; null where neither does.
	 *
	 * @param string $name A key of DEFAULTS.
	 * @return mixed
	 */
	private static function given( $name ) {
		if ( self::is_constant( $name ) ) {
			return constant( self::constant( $name ) );
		}
		$stored = get_site_option( self::OPTION, array() );
		return is_array( $stored ) && isset( $stored[ $name ] ) ? $stored[ $name ] : null;
	}

	/**
	 * Whether wp-config.php decides a setting.
	 *
	 * @param string $name A key of DEFAULTS.
	 * @return bool
	 */
	public static function is_constant( $name ) {
		return defined( self::constant( $name ) );
	}

	/**
	 * Stores what is usable of the given settings; the others stay as they are.
	 *
	 * @param array<string, mixed> $given The settings.
	 * @return string[] The names of those that are not usable.
	 */
	public static function save( array $given ) {
		$stored = get_site_option( self::OPTION, array() );
		$stored = is_array( $stored ) ? $stored : array();
		$wrong  = array();
		foreach ( array_intersect_key( $given, self::DEFAULTS ) as $name => $value ) {
			$clean = self::clean( $name, $value );
			if ( null === $clean ) {
				$wrong[] = $name;
			} else {
				$stored[ $name ] = $clean;
			}
		}
		update_site_option( self::OPTION, $stored );
		return $wrong;
	}

	/**
	 * A client with these settings.
	 *
	 * @return Client
	 */
	public static function client() {
		return new Client( self::get( 'address' ), self::get( 'token' ), self::get( 'timeout' ) );
	}

	/**
	 * A usable form of a value; null where there is none.
	 *
	 * @param string $name  A key of DEFAULTS.
	 * @param mixed  $value What was given.
	 * @return string|float|null
	 */
	private static function clean( $name, $value ) {
		if ( ! is_scalar( $value ) ) {
			return null;
		}
		$text = trim( (string) $value );
		switch ( $name ) {
			case 'address':
				return '' !== Client::target( $text ) ? $text : null;
			case 'token':
				return preg_match( '/^[\x21-\x7e]{0,500}$/', $text ) ? $text : null;
			case 'customer':
				return preg_match( '/^[^\x00-\x1f]{0,255}$/', $text ) ? $text : null;
			case 'on_unchecked':
				return in_array( $text, array( 'open', 'closed' ), true ) ? $text : null;
			case 'timeout':
				return is_numeric( $text ) && $text >= 0.1 && $text <= 60 ? (float) $text : null;
		}
		return null;
	}

	/**
	 * The constant that decides a setting.
	 *
	 * @param string $name A key of DEFAULTS.
	 * @return string
	 */
	private static function constant( $name ) {
		return 'GOODHOSTER_' . strtoupper( $name );
	}
}
