"""Stand-ins for billing systems that speak their documented APIs, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from goodhoster.testing.http_answers import CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest
from goodhoster.testing.panels.hosting import MADE_UP_PASSWORD

_STATES = {True: "Suspended", False: "Active"}


def _json(value: object, status: int = 200) -> CannedResponse:
    return reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


class FakeBilling(FakeServer):
    """Clients with one service each, whose number is ten times the client's."""

    def __init__(self, clients: int = 3) -> None:
        super().__init__()
        self.suspended = {number * 10: False for number in range(1, clients + 1)}
        self.does_nothing = False
        """Says ok to orders, and does nothing."""
        self.orders: list[str] = []

    def _switch(self, service: int, *, suspended: bool) -> bool:
        """Carry out an order; False where there is no such service."""
        if service not in self.suspended:
            return False
        self.orders.append(f"{'suspend' if suspended else 'unsuspend'} {service}")
        if not self.does_nothing:
            self.suspended[service] = suspended
        return True


class FakeWhmcs(FakeBilling):
    """WHMCS: a form to includes/api.php, and lists that carry passwords."""

    def __init__(self, clients: int = 3, *, flat: bool = False) -> None:
        super().__init__(clients)
        self._flat = flat

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        if (form.get("identifier"), form.get("secret")) != (self.username, self.password):
            return _json({"result": "error", "message": "Invalid or missing credentials"}, 403)
        if urlsplit(request.path).path != "/includes/api.php":
            return reply(404, b"")
        action = form["action"]
        if action in {"ModuleSuspend", "ModuleUnsuspend"}:
            return self._order(form, suspended=action == "ModuleSuspend")
        if action == "GetClients":
            entries = [_whmcs_client(number // 10) for number in self.suspended]
            return self._page(entries, form, ("clients", "client"))
        services = [self._service(one) for one in self.suspended if form.get("serviceid", str(one)) == str(one)]
        return self._page(services, form, ("products", "product"))

    def _order(self, form: Mapping[str, str], *, suspended: bool) -> CannedResponse:
        if not self._switch(int(form.get("serviceid") or form["accountid"]), suspended=suspended):
            return _json({"result": "error", "message": "Service ID Not Found"})
        return _json({"result": "success"})

    def _page(
        self, entries: Sequence[Mapping[str, Any]], form: Mapping[str, str], keys: tuple[str, str]
    ) -> CannedResponse:
        start, most = int(form.get("limitstart", 0)), int(form.get("limitnum", 25))
        page = entries[start : start + most]
        outer, inner = keys
        answer: dict[str, Any] = {
            "result": "success",
            "totalresults": str(len(entries)),
            "startnumber": start,
            "numreturned": len(page),
        }
        if self._flat:
            for number, entry in enumerate(page):
                answer |= {f"{outer}[{inner}][{number}][{key}]": value for key, value in entry.items()}
        else:
            answer[outer] = {inner: page} if page else ""
        return _json(answer)

    def _service(self, number: int) -> Mapping[str, Any]:
        return {
            "id": number,
            "clientid": number // 10,
            "pid": 1,
            "name": "Hosting &amp; mail",
            "domain": f"site{number}.example",
            "serverid": 1,
            "serverhostname": "web1.hoster.example",
            "dedicatedip": "",
            "assignedips": "",
            "status": _STATES[self.suspended[number]],
            "username": f"user{number}",
            "password": MADE_UP_PASSWORD,
        }


def _whmcs_client(number: int) -> Mapping[str, Any]:
    return {
        "id": number,
        "firstname": "An&#039;na",
        "lastname": f"Example {number}",
        "companyname": "A &amp; B",
        "email": f"client{number}@mail.example",
        "datecreated": "2024-02-29",
        "groupid": 0,
        "status": "Active",
    }


class FakeFossBilling(FakeBilling):
    """FOSSBilling: `result` and `error`, always with status 200."""

    username = "admin"

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        if not self._is_from_our_account(request):
            return self._error("Authentication failed", 206)
        method = urlsplit(request.path).path.removeprefix("/api/admin/")
        values = json.loads(request.body)
        if method == "client/get_list":
            return self._page([self._client(number // 10) for number in self.suspended], values)
        if method == "order/get_list":
            return self._page([self._entry(number) for number in self.suspended], values)
        number = int(values["id"])
        if number not in self.suspended:
            return self._error("Order not found", 404)
        if method == "order/get":
            return self._ok(self._entry(number))
        return self._ok(self._switch(number, suspended=method == "order/suspend"))

    def _page(self, entries: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> CannedResponse:
        page, size = int(values["page"]), int(values["per_page"])
        listed = entries[(page - 1) * size : page * size]
        pages = -(-len(entries) // size)
        return self._ok({"pages": pages, "page": page, "per_page": size, "total": len(entries), "list": listed})

    @staticmethod
    def _client(number: int) -> Mapping[str, Any]:
        return {
            "id": str(number),
            "first_name": "Anna",
            "last_name": f"Example {number}",
            "company": "A & B",
            "email": f"client{number}@mail.example",
            "phone_cc": "31",
            "phone": "201234567",
            "country": "NL",
            "lang": "nl_NL",
            "status": "active",
            "api_token": MADE_UP_PASSWORD,
            "document_nr": MADE_UP_PASSWORD,
            "created_at": "2024-02-29T10:00:00+01:00",
        }

    def _entry(self, number: int) -> Mapping[str, Any]:
        return {
            "id": str(number),
            "client_id": str(number // 10),
            "title": "Hosting",
            "status": _STATES[self.suspended[number]].lower(),
            "config": {"sld": f"site{number}", "tld": ".example", "password": MADE_UP_PASSWORD},
        }

    @staticmethod
    def _ok(result: object) -> CannedResponse:
        return _json({"result": result, "error": None})

    @staticmethod
    def _error(message: str, code: int) -> CannedResponse:
        return _json({"result": None, "error": {"message": message, "code": code}})


class FakeBlesta(FakeBilling):
    """Blesta: errors with status 400; without `use_module` only the bill changes."""

    _PAGE = 2

    def __init__(self, clients: int = 3) -> None:
        super().__init__(clients)
        self.billed: dict[int, str] = {}
        """What only the bill says."""

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        if not self._is_from_our_account(request):
            return _json({"message": "The authorization details given appear to be invalid."}, 401)
        parts = urlsplit(request.path)
        method = parts.path.removeprefix("/api/").removesuffix(".json")
        values = {k: v[0] for k, v in parse_qs(parts.query or request.body.decode()).items()}
        if method == "clients/getList":
            clients = [number // 10 for number in self.suspended]
            return self._ok([self._client(one) for one in self._of_page(clients, values)])
        if method == "services/getList":
            services = [int(values["client_id"]) * 10]
            return self._ok([self._entry(one) for one in self._of_page(services, values)])
        return self._of_service(method, int(values["service_id"]), values)

    def _of_service(self, method: str, number: int, values: Mapping[str, str]) -> CannedResponse:
        if number not in self.suspended:
            return self._ok(False) if method == "services/get" else _json({"errors": {"service": {}}}, 400)  # noqa: FBT003 - JSON
        if method == "services/get":
            return self._ok(self._entry(number))
        if "vars[use_module]" not in values:
            self.billed[number] = method
            return self._ok(None)
        self._switch(number, suspended=method == "services/suspend")
        return self._ok(None)

    def _of_page(self, entries: Sequence[int], values: Mapping[str, str]) -> Sequence[int]:
        page = int(values["page"])
        return entries[(page - 1) * self._PAGE : page * self._PAGE]

    @staticmethod
    def _client(number: int) -> Mapping[str, Any]:
        return {
            "id": number,
            "first_name": "Anna",
            "last_name": f"Example {number}",
            "company": None,
            "email": f"client{number}@mail.example",
            "country": "NL",
            "status": "active",
            "date_added": "2024-02-29 10:00:00",
        }

    def _entry(self, number: int) -> Mapping[str, Any]:
        fields = [
            {"key": "cpanel_domain", "value": f"site{number}.example", "encrypted": "0"},
            {"key": "cpanel_username", "value": f"user{number}", "encrypted": "0"},
            {"key": "cpanel_password", "value": MADE_UP_PASSWORD, "encrypted": "1"},
        ]
        status = _STATES[self.suspended[number]].lower()
        return {"id": str(number), "status": status, "package": {"name": "Hosting"}, "fields": fields}

    @staticmethod
    def _ok(response: object) -> CannedResponse:
        return _json({"response": response})
