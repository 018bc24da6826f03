"""The description of the HTTP door (OpenAPI 3.1).

A test compares it with the routes and with real answers.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_SCHEMAS: dict[str, Any] = {
    "Answer": {
        "type": "object",
        "required": ["verdict", "decision", "reference", "reason"],
        "properties": {
            "verdict": {"enum": ["known", "near", "clear", "unchecked", "exempt"]},
            "decision": {
                "enum": ["refuse", "accept", "unchecked"],
                "description": "What the hoster's house rules say. `unchecked`: the application decides.",
            },
            "reference": {"type": ["string", "null"], "description": "The case; for POST /v1/outcomes."},
            "reason": {
                **_TEXT,
                "description": "Why it is unchecked, or why something known is accepted: `held` (a person decides) or "
                "`observe` (the hoster only records). Empty otherwise.",
            },
        },
    },
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
    },
    "Path": {
        "type": "object",
        "properties": {
            "path": {**_TEXT, "description": "Where no descriptor came with the connection's first byte (SCM_RIGHTS)."}
        },
    },
    "Digest": {
        "type": "object",
        "required": ["algorithm", "digest"],
        "properties": {
            "algorithm": {"enum": ["md5", "sha1", "sha256"]},
            "digest": {**_TEXT, "pattern": "^[0-9A-Fa-f]{32,64}$"},
        },
    },
    "Outcome": {
        "type": "object",
        "required": ["reference", "outcome"],
        "properties": {"reference": _TEXT, "outcome": {"enum": ["refused", "deleted", "kept"]}},
    },
    "Notification": {
        "type": "object",
        "required": ["Records"],
        "properties": {"Records": {"type": "array", "items": {"type": "object"}}},
    },
    "Noted": {"type": "object", "required": ["noted"], "properties": {"noted": {"type": "integer"}}},
    "Recorded": {"type": "object", "required": ["recorded"], "properties": {"recorded": {"const": True}}},
    "Permission": {
        "type": "object",
        "required": ["allowed", "reason", "mode"],
        "properties": {
            "allowed": {"type": ["boolean", "null"], "description": "null: it could not be decided."},
            "reason": _TEXT,
            "mode": {"enum": ["enforce", "observe"]},
        },
    },
    "Status": {
        "type": "object",
        "required": ["ready", "degraded", "queue", "unchecked", "held"],
        "description": "As `goodhoster status --json` prints it.",
    },
    "Case": {
        "type": "object",
        "required": ["id", "state", "customer", "path", "verdict", "measures", "opened_at", "closed_at"],
        "description": "As `goodhoster cases show --json` prints it.",
    },
    "Cases": {
        "type": "object",
        "required": ["cases"],
        "properties": {"cases": {"type": "array", "items": {"$ref": "#/components/schemas/Case"}}},
    },
    "Live": {"type": "object", "required": ["live"], "properties": {"live": {"const": True}}},
    "Ready": {
        "type": "object",
        "required": ["ready", "reason"],
        "properties": {"ready": {"type": "boolean"}, "reason": _TEXT},
    },
}
_ANY: dict[str, Any] = {"type": "object"}
_BYTES = {"required": True, "content": {"application/octet-stream": {"schema": {}}}}


def _parameter(name: str, where: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "maxLength": 255}
    return {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}


_UPLOAD = [
    _parameter("customer", "query", "Whose upload it would be; without it, the token's customer or name."),
    _parameter("name", "query", "The file's name as the user gave it."),
    _parameter("application", "query", "The application that asks, such as wordpress."),
]
_ID = _parameter("id", "path", "The id.")


def _schema(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": _schema(name)}


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _operation(summary: str, answer: str, *, public: bool = False, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    answers = {"200": {"description": summary, "content": _schema(answer)}} if answer else {}
    more = {"parameters": [], **more}
    responses = {**answers, **more.pop("responses", {}), "default": _problem("It was not answered; `detail` says why.")}
    return {"summary": summary, "responses": responses, **more, **({"security": []} if public else {})}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "goodhoster",
        "version": "1",
        "description": "Applications ask before they store an upload. "
        "A missing, failed or malformed answer must never be taken for `clear`.",
    },
    "servers": [{"url": "/"}],
    "security": [{"token": []}],
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": _SCHEMAS,
    },
    "paths": {
        "/v1/check": {
            "post": _operation("The answer about a content", "Answer", parameters=_UPLOAD, requestBody=_BYTES)
        },
        "/v1/check/path": {
            "post": _operation("The answer about a file", "Answer", parameters=_UPLOAD, requestBody=_body("Path"))
        },
        "/v1/check/digest": {
            "post": _operation("The answer by a digest", "Answer", parameters=_UPLOAD, requestBody=_body("Digest"))
        },
        "/v1/outcomes": {"post": _operation("What was done is recorded", "Recorded", requestBody=_body("Outcome"))},
        "/v1/customers/{id}/may/{action}": {
            "get": _operation(
                "Whether a customer may do something",
                "Permission",
                parameters=[_ID, _parameter("action", "path", "Such as upload.")],
            )
        },
        "/v1/status": {"get": _operation("The state of this host", "Status")},
        "/v1/cases": {
            "get": _operation(
                "The newest cases, oldest of them first",
                "Cases",
                parameters=[
                    _parameter("state", "query", "Only those in this state."),
                    _parameter("customer", "query", "Only those of this customer."),
                    _parameter("limit", "query", "So many at most: 1 to 1000, 100 where nothing is said."),
                ],
            )
        },
        "/v1/cases/{id}": {"get": _operation("One case", "Case", parameters=[_ID])},
        "/v1/pict-rs": {
            "post": _operation(
                "External validation of pict-rs",
                "",
                parameters=[*_UPLOAD, _parameter("token", "query", "The token, where no header can be sent.")],
                requestBody=_BYTES,
                responses={
                    "204": {"description": "It may be stored."},
                    "406": _problem("It is refused."),
                    "503": _problem("It could not be checked."),
                },
            )
        },
        "/v1/buckets/{name}/events": {
            "post": _operation(
                "New objects of a bucket, as MinIO and Ceph tell of them",
                "Noted",
                parameters=[
                    _parameter("name", "path", "The name of the [[bucket]]."),
                    _parameter("token", "query", "The token, where no header can be sent."),
                ],
                requestBody=_body("Notification"),
            )
        },
        "/v1/openapi.json": {
            "get": {
                "summary": "This document",
                "security": [],
                "responses": {
                    "200": {"description": "This document", "content": {"application/json": {"schema": _ANY}}}
                },
            }
        },
        "/livez": {"get": _operation("The process answers", "Live", public=True)},
        "/readyz": {
            "get": _operation(
                "Contents can be checked",
                "Ready",
                public=True,
                responses={"503": {"description": "Nothing can be checked now.", "content": _schema("Ready")}},
            )
        },
    },
}
