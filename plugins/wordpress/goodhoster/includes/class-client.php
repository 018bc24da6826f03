<?php
/**
 * Questions to the HTTP door of goodhoster.
 *
 * @package Goodhoster
 */

namespace Goodhoster;

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/*
 * The HTTP API of WordPress knows no Unix sockets, wants the whole file in memory, and its timeout is not one for the
 * whole request with every transport. PHP's own streams do all three with and without the extension curl.
 */
// phpcs:disable WordPress.WP.AlternativeFunctions, WordPress.PHP.NoSilencedErrors

/**
 * A client of the HTTP door. No call takes longer than the timeout, and none throws.
 */
final class Client {

	const AT_A_TIME    = 65536;
	const LONGEST_BODY = 65536;

	/**
	 * As `stream_socket_client` takes it; empty where the address is none.
	 *
	 * @var string
	 */
	private $target;

	/**
	 * The bearer token.
	 *
	 * @var string
	 */
	private $token;

	/**
	 * Seconds that a whole question may take.
	 *
	 * @var float
	 */
	private $timeout;

	/**
	 * Holds where and how to ask.
	 *
	 * @param string $address Such as `unix:/run/goodhoster/api.sock` or `http://127.0.0.1:8462`.
	 * @param string $token   The bearer token.
	 * @param float  $timeout Seconds that a whole question may take.
	 */
	public function __construct( $address, $token, $timeout ) {
		$this->target  = self::target( $address );
		$this->token   = preg_match( '/^[\x21-\x7e]+$/', $token ) ? $token : '';
		$this->timeout = $timeout;
	}

	/**
	 * Where an address leads, as PHP writes it.
	 *
	 * Names are not taken: looking one up may take longer than any timeout.
	 *
	 * @param string $address The address.
	 * @return string Empty where it is none.
	 */
	public static function target( $address ) {
		if ( preg_match( '#^unix:(/[^\x00-\x1f]+)$#', $address, $found ) ) {
			return 'unix://' . $found[1];
		}
		if ( preg_match( '#^http://(localhost|[0-9.]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})/?$#', $address, $found ) ) {
			return 'tcp://' . $found[1] . ':' . $found[2];
		}
		return '';
	}

	/**
	 * Asks about a file.
	 *
	 * @param string $path     Its path.
	 * @param string $name     The name it shall have.
	 * @param string $customer The hoster's id of the customer; empty for that of the token.
	 * @return Answer
	 */
	public function check_file( $path, $name, $customer ) {
		$file = is_file( $path ) ? @fopen( $path, 'rb' ) : false;
		if ( ! $file ) {
			return Answer::unchecked( 'the file cannot be read' );
		}
		$answer = $this->check( $file, $name, $customer );
		fclose( $file );
		return $answer;
	}

	/**
	 * Asks about bytes.
	 *
	 * @param string $bytes    The bytes.
	 * @param string $name     The name they shall have.
	 * @param string $customer The hoster's id of the customer; empty for that of the token.
	 * @return Answer
	 */
	public function check_bytes( $bytes, $name, $customer ) {
		$file = fopen( 'php://temp', 'w+b' );
		if ( ! $file || strlen( $bytes ) !== fwrite( $file, $bytes ) || ! rewind( $file ) ) {
			return Answer::unchecked( 'there is no room for a temporary file' );
		}
		$answer = $this->check( $file, $name, $customer );
		fclose( $file );
		return $answer;
	}

	/**
	 * Reports what was done.
	 *
	 * @param string $reference The number of the case.
	 * @param string $outcome   `refused`, `deleted` or `kept`.
	 * @return bool Whether it was recorded.
	 */
	public function report( $reference, $outcome ) {
		$body = fopen( 'php://temp', 'w+b' );
		fwrite(
			$body,
			wp_json_encode(
				array(
					'reference' => $reference,
					'outcome'   => $outcome,
				)
			)
		);
		rewind( $body );
		$response = $this->post( '/v1/outcomes', 'application/json', $body );
		fclose( $body );
		return is_array( $response ) && 200 === $response[0];
	}

	/**
	 * Asks about an open file.
	 *
	 * @param resource $file     The file, at its start.
	 * @param string   $name     The name it shall have.
	 * @param string   $customer The hoster's id of the customer.
	 * @return Answer
	 */
	private function check( $file, $name, $customer ) {
		$query    = http_build_query(
			array(
				'application' => 'wordpress',
				'customer'    => $customer,
				'name'        => substr( wp_basename( $name ), 0, 255 ),
			),
			'',
			'&',
			PHP_QUERY_RFC3986
		);
		$response = $this->post( "/v1/check?$query", 'application/octet-stream', $file );
		return is_array( $response ) ? Answer::from_response( $response[0], $response[1] ) : Answer::unchecked( $response );
	}

	/**
	 * Sends a request.
	 *
	 * @param string   $path The path with its query.
	 * @param string   $type The media type of the body.
	 * @param resource $body The body, at its start.
	 * @return array{int, string}|string Status and body of the response; or why there is none.
	 */
	private function post( $path, $type, $body ) {
		if ( '' === $this->target || '' === $this->token ) {
			return '' === $this->target ? 'the address is missing or none' : 'the token is missing';
		}
		$until = microtime( true ) + $this->timeout;
		$found = fstat( $body );
		$head  = "POST $path HTTP/1.0\r\nHost: goodhoster\r\nAuthorization: Bearer {$this->token}\r\n" .
			"Content-Type: $type\r\nContent-Length: {$found['size']}\r\nConnection: close\r\n\r\n";
		$peer  = @stream_socket_client( $this->target, $number, $message, $this->timeout );
		if ( ! $peer ) {
			return 'goodhoster is away: ' . ( '' !== (string) $message ? $message : 'no connection' );
		}
		stream_set_blocking( $peer, false );
		$response = self::exchange( $peer, $head, $body, $found['size'], $until );
		fclose( $peer );
		return is_string( $response ) ? $response : self::parse( $response[0] );
	}

	/**
	 * Writes the request and reads the response, both within the deadline.
	 *
	 * A peer may answer before it has read the whole body, for instance that it is too large.
	 *
	 * @param resource $peer  The connection, not blocking.
	 * @param string   $out   The head of the request.
	 * @param resource $body  Its body.
	 * @param int      $left  How many bytes of it are to be sent.
	 * @param float    $until The deadline.
	 * @return array{string}|string What was read; or why it is not whole.
	 */
	private static function exchange( $peer, $out, $body, $left, $until ) {
		$read = '';
		while ( true ) {
			if ( '' === $out && $left > 0 ) {
				$out = (string) fread( $body, min( self::AT_A_TIME, $left ) );
				if ( '' === $out ) {
					return 'the file became shorter while it was read';
				}
				$left -= strlen( $out );
			}
			$wait = $until - microtime( true );
			if ( $wait <= 0 ) {
				return 'goodhoster did not answer in time';
			}
			$readable = array( $peer );
			$writable = '' === $out ? array() : array( $peer );
			$none     = null;
			if ( false === @stream_select( $readable, $writable, $none, (int) $wait, (int) ( fmod( $wait, 1 ) * 1e6 ) ) ) {
				usleep( 1000 ); // A signal came.
				continue;
			}
			if ( $readable ) {
				$part  = (string) @fread( $peer, self::AT_A_TIME );
				$read .= $part;
				if ( strlen( $read ) > self::LONGEST_BODY ) {
					return 'an invalid answer';
				}
				if ( '' === $part && feof( $peer ) ) {
					return array( $read );
				}
			}
			if ( $writable ) {
				$sent = @fwrite( $peer, $out );
				if ( false === $sent || ( 0 === $sent && feof( $peer ) ) ) {
					$out  = ''; // It reads no more. What it says about that is still to be read.
					$left = 0;
				} else {
					$out = (string) substr( $out, $sent );
				}
			}
		}
	}

	/**
	 * Parses a response. One that was cut off is none.
	 *
	 * @param string $response What was read.
	 * @return array{int, string}|string
	 */
	private static function parse( $response ) {
		$parts = explode( "\r\n\r\n", $response, 2 );
		if ( 2 !== count( $parts ) || ! preg_match( '#^HTTP/1\.[01] ([0-9]{3})#', $parts[0], $status ) ) {
			return '' === $response ? 'goodhoster closed the connection' : 'an invalid answer';
		}
		if ( preg_match( '/\r\nContent-Length: *([0-9]+)/i', $parts[0], $length ) && strlen( $parts[1] ) !== (int) $length[1] ) {
			return 'an answer that was cut off';
		}
		return array( (int) $status[1], $parts[1] );
	}
}
