<?php
// Sends what the hotline's client sends (formats: POST /api/v1/reports), and understands the answer as it does:
// the status code is not looked at; a `message` is an error, else `data.id` is the number of a success.
// Usage: php scart-client.php ADDRESS TOKEN IP URL...
[, $address, $token, $ip] = $argv;
$request = curl_init($address);
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ["Authorization: Bearer $token", "Accept: application/json"],
    CURLOPT_POSTFIELDS => http_build_query(["ip" => $ip, "urls" => implode("\n", array_slice($argv, 4))]),
]);
$answer = json_decode((string) curl_exec($request));
if (isset($answer->message)) {
    echo json_encode(["result" => "error", "words" => $answer->message, "errors" => $answer->errors ?? null]);
} elseif (isset($answer->data->id)) {
    echo json_encode(["result" => "success", "id" => $answer->data->id]);
} else {
    echo json_encode(["result" => "not understood", "error" => curl_error($request)]);
}
