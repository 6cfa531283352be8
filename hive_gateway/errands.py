"""What core wants done: accounts, spending, the egress log. An errand never fails the line; its error goes back."""

import logging

from hive_gateway.accounts.accounts import Accounts
from hive_gateway.book import Book
from hive_gateway.login.logins import Logins
from hive_gateway.metering.treasury import Treasury
from hive_rpc.errors import HiveError, InvalidError
from hive_rpc.interfaces.gateway import Errand, ErrandError, ErrandKind, FinishErrandRequest

MOST_ENTRIES = 500
"""Of the egress log in one reply."""

log = logging.getLogger(__name__)


class Errands:
    def __init__(self, accounts: Accounts, treasury: Treasury, book: Book, logins: Logins) -> None:
        self._accounts = accounts
        self._treasury = treasury
        self._book = book
        self._logins = logins

    async def run(self, errand: Errand) -> FinishErrandRequest:
        try:
            return await self._run(errand)
        except HiveError as error:
            name = error.varlink_name()
            return FinishErrandRequest(
                id=errand.id, error=ErrandError(name=name, message=error.message, hint=error.hint)
            )

    async def _run(self, errand: Errand) -> FinishErrandRequest:
        match errand.kind:
            case ErrandKind.ADD_ACCOUNT if errand.add_account is not None:
                await self._accounts.add(errand.add_account)
            case ErrandKind.REMOVE_ACCOUNT if errand.remove_account is not None:
                await self._accounts.remove(errand.remove_account)
            case ErrandKind.SPENDING:
                return FinishErrandRequest(id=errand.id, spending=self._treasury.spending())
            case ErrandKind.EGRESS_LOG if errand.egress_log is not None:
                asked = errand.egress_log
                limit = max(1, min(asked.limit, MOST_ENTRIES))
                entries = await self._book.egress(agent=asked.agent, before=asked.before, limit=limit)
                return FinishErrandRequest(id=errand.id, egress_log=entries)
            case ErrandKind.BEGIN_LOGIN if errand.begin_login is not None:
                self._accounts.check_changeable(errand.begin_login)
                return FinishErrandRequest(id=errand.id, login=await self._logins.begin(errand.begin_login))
            case ErrandKind.FINISH_LOGIN if errand.finish_login is not None:
                await self._logins.finish(errand.finish_login)
            case ErrandKind.TRY_ACCOUNT if errand.try_account is not None:
                self._accounts.let_try(errand.try_account.account, errand.try_account.agent)
            case _:
                raise InvalidError(f"The errand {errand.kind} came without its particulars.")
        return FinishErrandRequest(id=errand.id)
