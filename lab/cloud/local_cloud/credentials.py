"""Which account an access key belongs to, and until when it is valid."""

import datetime
import threading

import moto.sts.models as sts_models
from moto.core.responses import BaseResponse
from moto.core.utils import utcnow
from moto.iam import models as iam_models

from .call import Answer, Call
from .clock import Clock
from .errors import error_answer


# The one that tests have; its id is in lab/cloud/localCloud.ts.
SECRETS = {"AKIALOCALCLOUD000001": "local-cloud-secret"}


class Credentials:
    def __init__(self, account_id: str, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._initial_account_id = account_id
        self._roles: "dict[str, str]" = {}
        self._expirations: "dict[str, datetime.datetime]" = {}
        self._instance_roles: "set[str]" = set()
        self._secrets = dict(SECRETS)
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._account_id = self._initial_account_id
            self._accounts: "dict[str, str]" = {}
            self._expired_keys: "set[str]" = set()
            self._all_expired = False
            self._role_seconds: "int | None" = None

    def set_account(self, account_id: str, access_key_id: "str | None") -> None:
        with self._lock:
            if access_key_id is None:
                self._account_id = account_id
            else:
                self._accounts[access_key_id] = account_id

    def set_role_duration(self, seconds: "int | None") -> None:
        """How long credentials of AssumeRole are valid from now on, whatever was asked for."""
        with self._lock:
            self._role_seconds = seconds

    def add_instance_role(self, access_key_id: str, account_id: str) -> None:
        """Credentials that an instance gets anew before they expire."""
        with self._lock:
            self._roles[access_key_id] = account_id
            self._instance_roles.add(access_key_id)

    def expire(self, access_key_id: "str | None") -> None:
        with self._lock:
            if access_key_id is None:
                self._all_expired = True
            else:
                self._expired_keys.add(access_key_id)

    def account_of(self, access_key_id: str) -> str:
        with self._lock:
            return (
                self._accounts.get(access_key_id) or self._roles.get(access_key_id) or self._account_id
            )

    def secret_of(self, access_key_id: str) -> "str | None":
        if self._is_expired(access_key_id):
            return None
        with self._lock:
            return self._secrets.get(access_key_id)

    def refusal(self, call: Call) -> "Answer | None":
        if not self._is_expired(call.access_key_id):
            return None
        if call.service == "ec2":
            return error_answer(call, "RequestExpired", "Request has expired.")
        code = "ExpiredToken" if call.service == "sts" else "ExpiredTokenException"
        return error_answer(call, code, "The security token included in the request is expired")

    def _is_expired(self, access_key_id: str) -> bool:
        with self._lock:
            expiration = self._expirations.get(access_key_id)
            return (
                (self._all_expired and access_key_id not in self._instance_roles)
                or access_key_id in self._expired_keys
                or (expiration is not None and expiration <= utcnow() + self._clock.offset)
            )

    def install(self) -> None:
        """moto knows one account for all keys that it did not make itself, and never expires any."""
        credentials = self

        def get_current_account(self) -> str:
            return credentials.account_of(self.get_access_key())

        class ExpiringRole(sts_models.AssumedRole):
            def __init__(self, **kwargs) -> None:
                with credentials._lock:
                    if credentials._role_seconds is not None:
                        kwargs["duration"] = credentials._role_seconds
                super().__init__(**kwargs)
                self.expiration += credentials._clock.offset
                with credentials._lock:
                    credentials._roles[self.access_key_id] = self.account_id
                    credentials._expirations[self.access_key_id] = self.expiration
                    credentials._secrets[self.access_key_id] = self.secret_access_key

        BaseResponse.get_current_account = get_current_account
        sts_models.AssumedRole = ExpiringRole
        # Bookkeeping of IAM that searches all accounts at each request.
        iam_models.mark_account_as_visited = lambda **_: None
