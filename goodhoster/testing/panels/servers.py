"""Stand-ins for the panels that are asked over HTTP, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from goodhoster.testing.http_answers import CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest
from goodhoster.testing.panels.hosting import MADE_UP_PASSWORD, FakeAccount, FakeHosting


def _json(value: object) -> CannedResponse:
    return reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


class FakeDirectAdmin(FakeServer):
    """DirectAdmin: errors with status 200; older versions answer with forms, some toggle."""

    def __init__(self, hosting: FakeHosting, *, older: bool = False, toggles: bool = False) -> None:
        super().__init__()
        self.hosting = hosting
        self._older, self._toggles = older, toggles

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        parts = urlsplit(request.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if not self._is_from_our_account(request):
            return reply(401, b"")
        if parts.path == "/CMD_API_SHOW_ALL_USERS":
            return self._list([one.user for one in self.hosting.accounts])
        if parts.path == "/CMD_API_SELECT_USERS":
            return self._select({key: values[0] for key, values in parse_qs(request.body.decode()).items()})
        account = self.hosting.account(query["user"])
        if account is None:
            return self._fields({"error": "1", "text": "Unable to show user", "details": "User does not exist"})
        if parts.path == "/CMD_API_SHOW_USER_DOMAINS":
            return self._list([site.host for site in account.sites])
        return self._fields(self._config(account))

    def _select(self, form: Mapping[str, str]) -> CannedResponse:
        account = self.hosting.account(form["select0"])
        if account is None:
            return self._fields({"error": "1", "text": "Cannot execute your request", "details": "no such user"})
        wanted = not account.suspended if self._toggles else form["suspend"] == "Suspend"
        self.hosting.switch(account.user, suspended=wanted)
        return self._fields({"error": "0", "text": "Users modified", "details": ""})

    def _fields(self, fields: Mapping[str, str]) -> CannedResponse:
        return reply(200, urlencode(fields).encode()) if self._older else _json(fields)

    def _list(self, names: list[str]) -> CannedResponse:
        if self._older:
            return reply(200, urlencode([("list[]", name) for name in names]).encode())
        return _json(names)

    @staticmethod
    def _config(account: FakeAccount) -> Mapping[str, str]:
        return {
            "username": account.user,
            "name": account.name,
            "email": account.email,
            "usertype": "reseller" if account.reseller else "user",
            "creator": "admin",
            "suspended": "yes" if account.suspended else "no",
            "twostep_auth_secret": MADE_UP_PASSWORD,
        }


class FakePlesk(FakeServer):
    """Plesk: an order that failed is answered with status 200 and a code that is not 0."""

    def __init__(self, hosting: FakeHosting) -> None:
        super().__init__()
        self.hosting = hosting

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        path = urlsplit(request.path).path
        if request.headers.get("x-api-key") != self.password:
            return reply(401, b"")
        if path == "/api/v2/clients":
            return _json([self._client(number, one) for number, one in enumerate(self.hosting.accounts, 1)])
        if path.endswith("/domains"):
            account = self.hosting.accounts[int(path.split("/")[4]) - 1]
            return _json([{"id": 1, "name": site.host, "www_root": site.docroot} for site in account.sites])
        return self._call(json.loads(request.body)["params"])

    def _call(self, params: list[str]) -> CannedResponse:
        site = self.hosting.site(params[1])
        if site is None:
            return _json({"code": 1, "stdout": "", "stderr": f"unable to find; password={MADE_UP_PASSWORD}"})
        if params[0] == "--info":
            status = "Turned off by the administrator" if site.suspended else "OK"
            text = f"General\n=======\nDomain name:    {site.host}\nDomain status:     {status}\n"
            return _json({"code": 0, "stdout": text, "stderr": ""})
        self.hosting.switch_site(site.host, suspended=params[0] == "--webspace-off")
        return _json({"code": 0, "stdout": "SUCCESS", "stderr": ""})

    @staticmethod
    def _client(number: int, account: FakeAccount) -> Mapping[str, object]:
        return {
            "id": number,
            "name": account.name,
            "company": "",
            "login": account.user,
            "email": account.email,
            "locale": "nl-NL",
            "owner_login": "admin",
            "type": "reseller" if account.reseller else "customer",
            "password": MADE_UP_PASSWORD,
        }


class FakeIspConfig(FakeServer):
    """ISPConfig's remote interface in JSON: everything with status 200."""

    root = "/remote/json.php"

    def __init__(self, hosting: FakeHosting) -> None:
        super().__init__()
        self.hosting = hosting
        self.sessions: set[str] = set()
        self._logins = 0

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        method, values = urlsplit(request.path).query, json.loads(request.body)
        if method == "login":
            if (values["username"], values["password"]) != (self.username, self.password):
                return self._error("The login failed. Username or password wrong.")
            self._logins += 1
            self.sessions.add(f"made-up-session-{self._logins}")
            return self._ok(f"made-up-session-{self._logins}")
        if values.get("session_id") not in self.sessions:
            return self._error("The session is expired or does not exist.")
        answers: Mapping[str, Any] = {
            "logout": self._logout,
            "client_get_all": lambda _: [str(n) for n in range(1, len(self.hosting.accounts) + 1)],
            "client_get": self._client,
            "client_get_by_username": self._user,
            "client_get_sites_by_user": self._sites,
            "sites_web_domain_set_status": self._status,
        }
        return self._ok(answers[method](values))

    def _logout(self, values: Mapping[str, Any]) -> bool:
        self.sessions.discard(values["session_id"])
        return True

    def _client(self, values: Mapping[str, Any]) -> Mapping[str, object]:
        account = self.hosting.accounts[int(values["client_id"]) - 1]
        return {
            "client_id": values["client_id"],
            "contact_name": account.name,
            "company_name": "",
            "email": account.email,
            "username": account.user,
            "password": MADE_UP_PASSWORD,
            "language": "nl",
            "country": "NL",
            "parent_client_id": "0",
            "limit_client": "-1" if account.reseller else "0",
        }

    def _user(self, values: Mapping[str, Any]) -> object:
        for number, account in enumerate(self.hosting.accounts, 1):
            if account.user == values["username"]:
                return {"userid": str(number), "client_id": str(number), "default_group": str(number)}
        return False

    def _sites(self, values: Mapping[str, Any]) -> list[Mapping[str, str]]:
        account = self.hosting.accounts[int(values["sys_userid"]) - 1]
        return [
            {
                "domain": site.host,
                "domain_id": site.host,
                "document_root": site.docroot,
                "active": "n" if site.suspended else "y",
            }
            for site in account.sites
        ]

    def _status(self, values: Mapping[str, Any]) -> int:
        self.hosting.switch_site(values["primary_id"], suspended=values["status"] == "inactive")
        return 1

    @staticmethod
    def _ok(response: object) -> CannedResponse:
        return _json({"code": "ok", "message": "", "response": response})

    @staticmethod
    def _error(message: str) -> CannedResponse:
        return _json({"code": "remote_fault", "message": message, "response": False})
