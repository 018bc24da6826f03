"""What a notice points at is checked first, however much waits, and whoever sent the notice."""

import smtplib

from goodhoster.testing.http_answers import NO
from goodhoster.testing.pictures import made_up_picture
from tests.conftest import RoundCount
from tests.journeys.host import Host, sha1_of, wait_until
from tests.journeys.noticehost import NoticeHost


def test_a_known_file_that_a_notice_nobody_proved_points_at_goes_offline_before_the_backlog(
    host: Host, rounds: RoundCount
) -> None:
    """The last file of the customer whose backlog it is: without the notice its turn would come after all of them."""
    noticed = NoticeHost(host)
    noticed.configure(f'lmtp = "unix:{host.folder}/lmtp.sock"', noticed.page_to("paged"))
    known = made_up_picture(1)
    host.service.known = {sha1_of(known)}
    # However fast the machine is, and however slowly this test looks: the backlog waits for its answers for minutes.
    host.service.behave = lambda request: None if request.body == sha1_of(known).hex.encode() else NO.after(0.1)
    folder = host.customers / "anna" / "www"
    for number in range(rounds(10_000, 100_000)):
        (folder / f"{number}.txt").write_bytes(b"%d" % number)
    last = folder / "zz" / "last.png"
    host.upload("anna/www/zz/last.png", known)

    host.start()
    assert wait_until(lambda: host.status()["queue"] > 4000)
    assert last.exists()
    with smtplib.LMTP(str(host.folder / "lmtp.sock")) as client:
        mail = noticed.mail("http://anna.example/zz/last.png", signed=False)
        client.sendmail("somebody@elsewhere.example", ["abuse@hoster.example"], mail)
    assert wait_until(lambda: not last.exists())
    assert host.status()["queue"] > 500, "the backlog goes on waiting"

    (case,) = host.offline(last)
    assert (case["state"], case["reason"]) == ("offline", "known to hashcheckservice")
    assert wait_until(lambda: noticed.notices()[0]["urgent"]), noticed.notices()
    (notice,) = noticed.notices()
    assert notice["items"][0]["known_to"] == ["hashcheckservice"]
    assert "URGENT" in host.run("notices", "list")
    assert wait_until(lambda: noticed.paged("paged") != [])
    assert "known to hashcheckservice" in noticed.paged("paged")[0]
