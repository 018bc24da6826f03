"""What a proven notifier says in its own words holds its notice; what only stands as a list's entry acts."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodhoster.model.notices import Carrier, NoticeFormat, Notifier, NotifierCaps, NotifierKind, RawNotice, ReadNotice
from goodhoster.notices.reading.cues import meaning_of
from goodhoster.notices.reading.doubts import doubts_about
from goodhoster.notices.reading.prose import sentences_in
from goodhoster.notices.reading.reader import read

HOTLINE = Notifier(
    "hotline",
    "Hotline",
    NotifierKind.HOTLINE,
    ("hotline.example",),
    86400,
    automatic=True,
    caps=NotifierCaps(9, 9),
    layout="url-list",
)
URL, OTHER = "http://anna.example/own.jpg", "http://bert.example/other.jpg"


def notice_of(text: str, subject: str = "Notice", kind: str = "text/plain") -> ReadNotice:
    head = f"From: Hotline <ntd@hotline.example>\nTo: abuse@hoster.example\nSubject: {subject}\nMIME-Version: 1.0\n"
    raw = f"{head}Content-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n"
    return read(RawNotice(Carrier.MAIL, raw.encode()))


def acts_on(notice: ReadNotice, notifier: Notifier = HOTLINE) -> set[str]:
    known = notifier if notice.format is NoticeFormat.URL_LIST else replace(notifier, layout="")
    return {item.urls[0] for item in notice.items if not doubts_about(item, notice, known)}


def table(note: str = "") -> str:
    return (
        '<table class="urls" border="0">\n    <tr><th>url</th><th>IP</th><th>first seen</th>'
        "<th>last seen</th><th>note</th></tr>\n"
        f"    <tr><td>{URL}</td><td>192.0.2.7</td><td>2026-11-28 10:00:00</td><td></td>"
        f"<td>{note}</td></tr>\n    \n</table>\n"
    )


def attached(cover: str, name: str, rows: str) -> str:
    part = "Content-Type: {0}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    named = f'Content-Disposition: attachment; filename="{name}"\n'
    return f"--b\n{part.format('text/plain')}\n{cover}\n\n--b\n{part.format('text/csv')}{named}\n{rows}\n--b--\n"


CUES = {
    "back": {
        "en": [
            "Kindly treat yesterday's report as withdrawn.",
            "The complaint has been retracted by its author.",
            "Our request is hereby rescinded.",
            "Please disregard what we sent you this morning.",
            "This notice is cancelled.",
            "We take back what we reported on Friday.",
        ],
        "nl": [
            "Deze melding wordt ingetrokken.",
            "Wij komen terug op ons verzoek en trekken het in.",
            "Onze eerdere melding is komen te vervallen.",
            "U kunt dit bericht als nietig beschouwen, het is geannuleerd.",
        ],
        "de": [
            "Die Meldung von gestern ziehen wir hiermit zurück.",
            "Unsere Anzeige wird widerrufen.",
            "Das Ersuchen ist damit hinfällig.",
            "Betrachten Sie das Schreiben bitte als gegenstandslos.",
        ],
        "fr": [
            "Nous annulons notre signalement.",
            "Par la présente nous retirons notre plainte.",
            "Veuillez ignorer notre message précédent.",
        ],
        "es": [
            "Retiramos la denuncia presentada ayer.",
            "Queda anulada nuestra solicitud.",
            "Por favor, ignoren nuestro correo anterior.",
        ],
        "it": [
            "La nostra segnalazione è annullata.",
            "Ritiriamo la segnalazione di ieri.",
            "Vi preghiamo di ignorare la mail precedente.",
        ],
        "pt": ["A nossa denúncia fica anulada.", "Queiram desconsiderar a mensagem anterior."],
        "pl": ["Odwołujemy wczorajsze zgłoszenie.", "Prosimy zignorować poprzednią wiadomość."],
        "cs": ["Naše hlášení odvoláváme.", "Vezměte prosím naše oznámení zpět.", "Předchozí zprávu prosím ignorujte."],
        "sv": ["Anmälan återkallas.", "Vi tar tillbaka det vi anmälde i går."],
        "da": ["Anmeldelsen tilbagekaldes.", "Vi trækker vores henvendelse tilbage."],
        "no": ["Vi trekker henvendelsen tilbake."],
        "fi": ["Perumme eilisen ilmoituksen.", "Ilmoitus on peruutettu."],
        "ru": ["Наше обращение отозвано.", "Мы отменяем вчерашнее уведомление."],
        "uk": ["Ми відкликаємо наше повідомлення."],
        "hu": ["A bejelentést visszavonjuk."],
        "ja": ["昨日の通報を取り下げます。"],
        "zh": ["我们撤回昨天的举报。"],
    },
    "mistake": {
        "en": [
            "It turned out to be a false positive.",
            "We reported this erroneously.",
            "This was an oversight on our side.",
            "Our apologies, the wrong address was listed.",
        ],
        "nl": ["Dit adres stond er per ongeluk bij.", "De beoordeling bleek onjuist.", "Excuses voor de vergissing."],
        "de": [
            "Dabei ist uns ein Fehler unterlaufen.",
            "Das war ein Fehlalarm.",
            "Die Adresse wurde versehentlich gemeldet.",
        ],
        "fr": ["Il s'agit d'une erreur de notre part.", "Ce contenu a été signalé à tort."],
        "es": ["Se trata de un error nuestro.", "Fue un falso positivo."],
        "it": ["Si è trattato di un nostro errore."],
        "pt": ["Foi um engano da nossa parte."],
        "pl": ["To była pomyłka z naszej strony."],
        "cs": ["Šlo o omyl."],
        "sv": ["Det var ett misstag."],
        "da": ["Det var en fejl fra vores side."],
        "fi": ["Kyseessä oli virhe."],
        "ru": ["Это была наша ошибка."],
    },
    "restore": {
        "en": [
            "The page can be reinstated.",
            "Kindly put the picture back online.",
            "You may lift the block.",
            "Please re-enable the account.",
        ],
        "nl": [
            "De pagina mag worden hersteld.",
            "U kunt de afbeelding weer toegankelijk maken.",
            "De blokkade kan eraf, graag deblokkeren.",
        ],
        "de": [
            "Die Sperre kann entfernt und die Seite freigeschaltet werden.",
            "Sie können das Bild wieder online stellen.",
        ],
        "fr": ["Le contenu peut être rétabli.", "Vous pouvez remettre la page en ligne."],
        "es": ["Pueden restablecer el contenido."],
        "it": ["Il contenuto può essere ripristinato."],
        "pt": ["Podem restaurar o conteúdo."],
        "pl": ["Proszę przywrócić stronę."],
        "cs": ["Stránku prosím obnovte."],
        "sv": ["Sidan kan återställas."],
        "da": ["Siden kan gendannes."],
        "fi": ["Sivun voi palauttaa."],
        "ru": ["Страницу можно восстановить."],
    },
    "leave": {
        "en": [
            "The material should remain accessible for the investigators.",
            "Hold off until the prosecutor has called you.",
            "You need not take anything down.",
            "There is no need to block it.",
            "Nothing has to be removed.",
            "Don't take any measures for now.",
        ],
        "nl": [
            "Dit mag gewoon online blijven.",
            "Laat het staan totdat de recherche belt.",
            "U hoeft niets te verwijderen.",
            "Haal dit niet offline.",
            "Actie is niet nodig.",
        ],
        "de": [
            "Die Seite darf weiterhin online bleiben.",
            "Löschen Sie diese Datei auf keinen Fall.",
            "Es besteht kein Handlungsbedarf.",
            "Bitte warten, bis sich die Polizei meldet.",
        ],
        "fr": ["Laissez cette page en ligne.", "Il ne faut pas la supprimer.", "Aucune action n'est requise."],
        "es": ["No hace falta eliminarlo.", "Dejen la página en línea."],
        "it": ["Non è necessario rimuoverla.", "Lasciate la pagina in linea."],
        "pt": ["Não é necessário remover.", "Não removam esta imagem."],
        "pl": ["Proszę nie usuwać tej strony."],
        "cs": ["Neodstraňujte prosím tuto stránku."],
        "sv": ["Ta inte bort sidan."],
        "da": ["Fjern ikke siden."],
        "no": ["Ikke slett dette."],
        "fi": ["Älkää poistako sivua."],
        "ru": ["Не удаляйте эту страницу."],
        "zh": ["请勿删除。"],
        "ja": ["削除しないでください。"],
    },
    "settled": {
        "en": [
            "We consider the matter closed.",
            "The picture is already gone.",
            "Thanks for removing it so fast.",
            "It is no longer available.",
            "The page was taken down yesterday and is offline.",
            "Our analysts found nothing illegal.",
            "The site has moved elsewhere.",
        ],
        "nl": [
            "De zaak is afgehandeld.",
            "Het is inmiddels verwijderd.",
            "Niet strafbaar volgens onze analist.",
            "De pagina is niet meer bereikbaar.",
        ],
        "de": [
            "Der Vorgang ist erledigt.",
            "Die Datei wurde bereits gelöscht.",
            "Das Bild ist nicht mehr abrufbar.",
            "Nach Prüfung nicht strafbar.",
        ],
        "fr": ["Le dossier est clos, clôturé ce matin.", "La page n'est plus accessible : elle a été supprimée."],
        "es": ["El caso está cerrado.", "Ya ha sido eliminado."],
        "it": ["Il caso è chiuso.", "È già stato rimosso."],
        "pt": ["O caso está encerrado.", "Já foi removido."],
        "pl": ["Sprawa została zamknięta."],
        "cs": ["Případ je uzavřen."],
        "sv": ["Ärendet är stängt."],
        "da": ["Sagen er lukket."],
        "fi": ["Tapaus on suljettu."],
        "ru": ["Дело закрыто."],
    },
    "no order": {
        "en": [
            "FYI only.",
            "This is merely an exercise.",
            "A drill of the national hotlines.",
            "For your information.",
            "Our monthly statistics are below.",
            "Does this page belong to one of your customers?",
            "Jan added a note to conversation 4711.",
            "Ticket 4711 has been updated.",
            "Counter-notification under 17 USC 512(g).",
        ],
        "nl": [
            "Ter informatie.",
            "Dit is een oefening.",
            "Staat deze pagina bij u?",
            "Overzicht van november.",
            "Ticket 4711 is bijgewerkt.",
        ],
        "de": [
            "Nur zur Kenntnis.",
            "Dies ist eine Übung.",
            "Liegt diese Seite bei Ihnen?",
            "Zum Beispiel diese Adresse.",
        ],
        "fr": ["Ceci est un exercice.", "Pour information.", "Ce site est-il chez vous ?"],
        "es": ["Esto es una prueba.", "A título informativo."],
        "it": ["Questa è un'esercitazione.", "Per conoscenza."],
        "pt": ["Isto é um exercício.", "Para conhecimento."],
        "pl": ["To są tylko ćwiczenia.", "Do wiadomości."],
        "cs": ["Toto je cvičení.", "Pro informaci."],
        "sv": ["Detta är en övning.", "För kännedom."],
        "da": ["Dette er en øvelse.", "Til orientering."],
        "fi": ["Tämä on harjoitus.", "Tiedoksi."],
        "ru": ["Это учения.", "Для сведения."],
    },
    "about a mail": {
        "en": ["Unfortunately your mail could not be delivered."],
        "nl": ["Helaas is je e-mail niet bij de ontvanger afgeleverd."],
        "de": ["Leider konnte Ihre Nachricht nicht zugestellt werden."],
        "fr": ["Votre message n'a pas pu être distribué."],
        "it": ["Purtroppo la tua email non può essere inviata."],
        "es": ["Su mensaje no se pudo entregar."],
        "pl": ["Twój e-mail nie mógł zostać dostarczony."],
        "da": ["Din e-mail kunne desværre ikke leveres."],
        "cs": ["Váš e-mail se nepodařilo doručit."],
    },
}
SENTENCES = [
    (kind, tongue, said) for kind, tongues in CUES.items() for tongue, all_of in tongues.items() for said in all_of
]
NAMES = [f"{kind}-{tongue}-{said[:24]}" for kind, tongue, said in SENTENCES]

ORDINARY = [
    "Please make the material at these addresses inaccessible.",
    "Gelieve het materiaal op deze adressen ontoegankelijk te maken.",
    "Wij verzoeken u onderstaande URL's binnen 24 uur te verwijderen.",
    "Bitte sperren Sie die folgenden Adressen unverzüglich.",
    "Wir bitten Sie, die nachstehenden Inhalte innerhalb von 24 Stunden zu löschen.",
    "Nous vous demandons de rendre ce contenu inaccessible dans les 24 heures.",
    "Veuillez retirer les contenus suivants.",
    "Merci de supprimer ces images dans les plus brefs délais.",
    "The following URLs were assessed by our analysts as illegal under article 240b of the Dutch Criminal Code.",
    "Het materiaal is strafbaar op grond van artikel 240b van het Wetboek van Strafrecht.",
    "Die Inhalte verstoßen gegen § 184b StGB.",
    "Ces contenus sont illicites au sens de l'article 227-23 du Code pénal.",
    "Please do not reply to this mail.",
    "Please do not open the links, and do not distribute them.",
    "Gelieve niet op deze e-mail te antwoorden; open de links niet.",
    "Bitte antworten Sie nicht auf diese E-Mail.",
    "Merci de ne pas répondre à ce message.",
    "If you have questions, contact us by telephone: +31 20 000 0000.",
    "For more information see our website.",
    "Voor meer informatie kunt u contact met ons opnemen.",
    "Für weitere Informationen stehen wir Ihnen gern zur Verfügung.",
    "Questions? Mail us.",
    "Heeft u vragen? Bel ons.",
    "If this is not your network, please forward this notice to the responsible party.",
    "Indien u niet de verantwoordelijke partij bent, stuur deze melding dan door.",
    "Falls Sie nicht zuständig sind, leiten Sie diese Meldung bitte weiter.",
    "Please let us know when the content has been removed.",
    "Laat het ons weten zodra het materiaal is verwijderd.",
    "Bitte informieren Sie uns, sobald die Inhalte entfernt wurden.",
    "If you believe that this assessment is a mistake, please contact our desk.",
    "Please ensure that the material is no longer accessible and preserve the log files.",
    "This notice is sent under Article 16 of Regulation (EU) 2022/2065 (Digital Services Act).",
    "Could you please remove this content as soon as possible?",
    "Kunt u dit materiaal zo spoedig mogelijk verwijderen?",
    "The content was seen at 09:12 UTC by analyst 14; remove it no later than tomorrow.",
    "Met vriendelijke groet, het meldpunt",
]


@pytest.mark.parametrize(("kind", "tongue", "said"), SENTENCES, ids=NAMES)
def test_a_sentence_that_may_be_no_order_holds_the_notice(kind: str, tongue: str, said: str) -> None:
    for text in (f"Please remove:\n\n{URL}\n\n{said}", f"{said}\n\n{URL}", f"Hello,\n{said}\nRegards\n\n- {URL}"):
        notice = notice_of(text)
        assert acts_on(notice) == set(), (kind, tongue)
        assert any(said.rstrip("。").split(maxsplit=1)[0] in cue for cue in notice.cues) or notice.doubts[0].startswith(
            ("an ack", "a report")
        )


@pytest.mark.parametrize("kind", CUES)
def test_so_it_is_above_tables_and_lists(kind: str) -> None:
    for said in (each for all_of in CUES[kind].values() for each in all_of):
        csv = f"url;IP;firstseen;lastseen;note\n{URL};192.0.2.7;2026-11-28 10:00:00;;KP"
        mixed = "multipart/mixed; boundary=b"
        forms = (
            notice_of(f"<p>{said}</p>\n{table()}", "[M0123456789] NTD", "text/html"),
            notice_of(f"{table()}\n<p>{said}</p>", "[M0123456789] NTD"),
            notice_of(attached(said, "urls-M0123456789.csv", csv), "[M0123456789] NTD", mixed),
            notice_of(attached(said, "list.csv", f"url,first seen\n{URL},2026-11-30"), "List", mixed),
        )
        for notice in forms:
            assert [item.urls[0] for item in notice.items] == [URL]
            assert acts_on(notice) == set(), (said, notice.format)


def test_the_same_forms_act_without_such_a_sentence() -> None:
    assert acts_on(notice_of(f"<p>Wilt u dit verwijderen?</p>\n{table('KP')}", "[M0123456789] NTD", "text/html")) == {
        URL
    }
    csv = attached("Please remove.", "list.csv", f"url,first seen\n{URL},2026-11-30")
    assert acts_on(notice_of(csv, "List", "multipart/mixed; boundary=b")) == {URL}


@pytest.mark.parametrize(
    "said",
    [
        "Intrekking",
        "Retraction of notice 4711",
        "Fall erledigt",
        "EXERCISE",
        "Case closed",
        "Rectificatif",
        "[onbestelbaar] Bericht",
        "Question: hosted by you?",
    ],
)
def test_the_subject_says_so_too(said: str) -> None:
    assert acts_on(notice_of(f"{URL}\n", said)) == set()


@pytest.mark.parametrize("said", ORDINARY)
def test_what_ordinary_orders_say_is_no_cue(said: str) -> None:
    assert [meaning_of(sentence) for sentence in sentences_in([said])].count("") == len(list(sentences_in([said])))
    assert acts_on(notice_of(f"Hello,\n\nplease remove:\n\n{URL}\n\n{said}")) == {URL}


@pytest.mark.parametrize(
    "note",
    [
        "withdrawn",
        "ingetrokken",
        "niet strafbaar",
        "offline",
        "test",
        "laten staan",
        "keep online",
        "already removed",
        "false positive",
        "zurückgezogen",
        "nicht strafbar",
        "erledigt",
        "retiré",
        "par erreur",
        "andere hoster",
        "voorbeeld",
        "closed",
        "fermé",
        "rimosso",
        "peruttu",
        "удалено",
        "gelöscht",
    ],
)
def test_a_remark_holds_its_row(note: str) -> None:
    assert acts_on(notice_of(table(note), "[M0123456789] NTD")) == set()


@pytest.mark.parametrize(
    "note", ["KP", "spiegel", "eerste; tweede", "CSAM, baseline", "seen by analyst 4", "2nd report"]
)
def test_other_remarks_do_not(note: str) -> None:
    assert acts_on(notice_of(table(note), "[M0123456789] NTD")) == {URL}


ENTRIES = [
    URL,
    f"- {URL}",
    f"1. {URL}",
    f"(2) {URL}",
    f'"{URL}"',
    f"<{URL}>",
    f"URL: {URL}",
    f"Link: {URL}",
    f"Adresse: {URL}",
    f"Reported URL: {URL}",
    f"Gemelde URL: {URL}",
    f"URL 1: {URL}",
    f"{URL} (192.0.2.1)",
    f"{URL}, 192.0.2.1, 2026-11-30",
    f"* {URL}.",
    f"Infringing URL : {URL}",
    f"URL\t{URL}",
    f"Please remove {URL}",
    f"Wilt u {URL} verwijderen?",
    f"Bitte löschen Sie {URL}",
    f"Please remove {URL} at once.",
    f"Please take down {URL} immediately and without undue delay!",
    f"We kindly ask you to remove the illegal content at {URL} from your servers within 24 hours.",
    f"Please delete the reported pictures at {URL} today",
    f"Gelieve {URL} onverwijld offline te halen.",
    f"Wij verzoeken u de foto op {URL} direct te verwijderen.",
    f"Bitte löschen Sie {URL} unverzüglich von Ihrem Server.",
    f"Veuillez retirer {URL} de vos serveurs sans délai",
    "hxxp://anna[.]example/own.jpg",
    f"Lien signalé : {URL}",
    f"[url]{URL}[/url]",
]
MENTIONS = [
    f"The victim's own site is {URL}",
    f"Official website: {URL}",
    f"Original: {URL}",
    f"Screenshot: {URL}",
    f"Referrer: {URL}",
    f"Source: {URL}",
    f"Log: {URL}",
    f"Website: {URL}",
    f"See {URL} for our policy",
    f"FAQ: {URL}",
    f"Bron: {URL}",
    f"Beweis: {URL}",
    f"Report URL: {URL}",
    f"not this URL: {URL}",
    f"~~{URL}~~ gone",
    f"Original work:\n{URL}",
    f"Our official site\n\n{URL}",
    f"Offizielle Seite:\n{URL}",
    f"Kind regards\nHotline\n{URL}",
    f"-- \nHotline\n{URL}",
    f"It links to {URL}.",
    f"our client ({URL}) asks for help",
]


@pytest.mark.parametrize("line", ENTRIES)
def test_an_entry_of_a_list_acts(line: str) -> None:
    assert {item.urls[0] for item in notice_of(line).items} == (acted := acts_on(notice_of(line)))
    assert acted


@pytest.mark.parametrize("line", MENTIONS)
def test_what_is_only_mentioned_waits_and_the_entries_act(line: str) -> None:
    notice = notice_of(f"Please remove:\n\n{OTHER}\n\n{line}\n")
    assert not any(url.startswith(URL) for url in acts_on(notice))
    assert any(item.urls[0].startswith(URL) for item in notice.items) or any(
        URL[7:] in name for name in notice.mentions
    )


def test_entries_act_beside_what_is_mentioned() -> None:
    assert acts_on(notice_of(f"Please remove:\n{OTHER}\n\nOriginal: {URL}\n")) == {OTHER}


@pytest.mark.parametrize("style", ["text-decoration: line-through", "text-decoration:underline LINE-THROUGH red"])
def test_text_that_is_struck_out_holds_the_notice(style: str) -> None:
    markup = f'<ul><li>{OTHER}</li><li><span style="{style}">{URL}</span></li></ul>'
    assert acts_on(notice_of(markup, kind="text/html")) == set()


def test_a_sentence_around_the_address_is_one_sentence() -> None:
    assert acts_on(notice_of(f"Please leave\n\n{URL}\n\nonline.")) == set()
    assert acts_on(notice_of(f"Please do\nnot remove\n{URL}")) == set()


def test_a_sentence_that_the_notifier_always_writes_does_not_hold_its_notices() -> None:
    notice = notice_of(f"Please remove:\n\n{URL}\n\nOur statistics of 2026 are at https://www.hotline.example/figures.")
    usual = replace(HOTLINE, usual_text=("our STATISTICS of 2025 are  at https://elsewhere.example/x.",))
    assert (acts_on(notice), acts_on(notice, usual)) == (set(), {URL})
    assert '"Our statistics of 2026 are at' in notice.cues[0]
    assert acts_on(notice_of(f"{URL}\n\nWe retract it. Our statistics of 2026 are at x.example."), usual) == set()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SENTENCES), st.integers(0, 7), st.sampled_from(["\n", "\n\n", " "]))
def test_an_order_with_such_a_sentence_anywhere_never_acts(said: tuple[str, str, str], place: int, gap: str) -> None:
    lines = ["Dear colleagues,", "", "please make this inaccessible.", "", URL, OTHER, "", "Regards", "Hotline"]
    lines.insert(place, f"{gap}{said[2]}{gap}")
    assert acts_on(notice_of("\n".join(lines))) == set()


@pytest.mark.parametrize(
    "piece",
    ["not " * 9, "a-b." * 9, "x" * 36, "if not " * 5, "a.b " * 9, "://" * 12, "? " * 18, "<b>" * 12, "no, " * 9],
)
def test_long_prose_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    short, long = (_seconds(piece * times) for times in (1_000, 4_000))
    assert long < 10 * max(short, 0.05)  # four times as long; sixteen, were it quadratic


def _seconds(prose: str) -> float:
    begun = time.process_time()
    notice_of(f"{prose}\n{URL}")
    return time.process_time() - begun
