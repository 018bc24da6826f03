"""In doubt a notice is confidential, in any language and format; the disclaimer below a mail says nothing."""

import json
import time
from urllib.parse import urlencode

import pytest

from goodhoster.model.notices import Carrier, RawNotice, ReadNotice
from goodhoster.notices.reading.confidentiality import confidential_sentence
from goodhoster.notices.reading.reader import read

URL = "http://anna.example/photos/a1.jpg"
FORBIDS = {
    "en": (
        "Do not inform the content provider.",
        "The customer must under no circumstances be informed.",
        "Please refrain from telling the subscriber.",
        "Remove it without alerting the user of the account.",
        "The account holder should, for now, not be made aware of this.",
        "Nobody may be told about this request.",
        "Do not tip off the recipient of the service.",
        "You may inform the customer only after 14 December.",
        "We ask you not to contact the owner of the site.",
        "Please delay notifying your client until we say so.",
    ),
    "nl": (
        "Informeer uw klant niet; er wordt aan gewerkt.",
        "De aanbieder van inhoud mag niet op de hoogte worden gebracht.",
        "Stel de gebruiker niet in kennis van dit bevel.",
        "Licht de eigenaar van de site nog niet in.",
        "U wordt verzocht dit niet met uw klant te delen.",
        "Verwijder het zonder de websitehouder te waarschuwen.",
    ),
    "de": (
        "Bitte informieren Sie den Kunden nicht.",
        "Benachrichtigen Sie den Nutzer vorerst nicht.",
        "Der Inhalteanbieter darf nicht unterrichtet werden.",
        "Teilen Sie dem Kunden nichts mit.",
        "Der Websitebetreiber ist bis auf Weiteres nicht zu verständigen.",
    ),
    "fr": (
        "N'informez pas votre client.",
        "Le fournisseur de contenus ne doit pas être averti.",
        "Merci de retirer le contenu sans en informer l'utilisateur.",
        "Il est interdit de prévenir le titulaire du compte.",
    ),
    "es": ("No informe al cliente.", "El titular de la cuenta no debe ser avisado.", "Retírelo sin avisar al usuario."),
    "it": ("Non informare il cliente.", "L'utente non deve essere avvisato.", "Senza avvertire il titolare del sito."),
    "pt": ("Não informe o utilizador.", "O cliente não pode ser notificado.", "Remova sem avisar o titular da conta."),
    "pl": ("Prosimy nie informować klienta.", "Użytkownik nie może zostać powiadomiony o tym."),
    "cs": ("Neinformujte zákazníka.", "Uživatel nesmí být vyrozuměn.", "Odstraňte to bez upozornění majitele webu."),
    "sv": ("Informera inte kunden.", "Kunden får inte underrättas.", "Ta bort det utan att meddela innehavaren."),
    "da": ("Informer ikke kunden.", "Brugeren må ikke underrettes.", "Fjern det uden at kontakte ejeren."),
    "fi": (
        "Älä ilmoita asiakkaalle.",
        "Asiakkaalle ei saa kertoa tästä.",
        "Poista se ilmoittamatta: ei tietoa käyttäjälle, älä ilmoita käyttäjälle.",
    ),
}
CALLS_SECRET = {
    "en": ("Confidential: yes", "STRICTLY CONFIDENTIAL", "C O N F I D E N T I A L", "Please keep this report secret."),
    "nl": ("Vertrouwelijk: ja", "Deze melding is vertrouwelijk", "Wij verzoeken u om geheimhouding."),
    "de": ("Vertraulich: ja", "Diese Meldung ist vertraulich zu behandeln.", "Es gilt Geheimhaltung."),
    "fr": ("Confidentiel : oui", "Cette demande est confidentielle."),
    "es": ("Esta notificación es confidencial.",),
    "it": ("La presente segnalazione è riservata: riservatezza assoluta.",),
    "pt": ("Confidencial: sim", "Mantenha sigilo."),
    "pl": ("Poufne", "To zgłoszenie jest poufne."),
    "cs": ("Důvěrné: ano",),
    "sv": ("Detta är konfidentiellt.", "Sekretess gäller."),
    "da": ("Denne anmeldelse er fortrolig.",),
    "fi": ("Tämä ilmoitus on luottamuksellinen.",),
    "tlp": ("TLP:RED", "TLP: AMBER+STRICT", "tlp-amber"),
}
INVESTIGATED = (
    "There is an ongoing police investigation.",
    "A criminal investigation is under way.",
    "Er loopt een opsporingsonderzoek.",
    "Het strafrechtelijk onderzoek loopt nog.",
    "Es laufen Ermittlungen der Polizei.",
    "Une enquête judiciaire est en cours.",
    "Hay una investigación policial.",
    "Le indagini sono coperte: indagini in corso.",
    "Há um inquérito policial.",
    "Postępowanie karne trwa.",
    "Probíhá trestní řízení.",
    "Förundersökning pågår.",
    "Efterforskning er i gang.",
    "Esitutkinta on kesken.",
    "under Article 11(3) of Regulation (EU) 2021/784",
    "Art. 11 Abs. 3 der Verordnung (EU) 2021/784",
    "artikel 11, lid 3, van Verordening (EU) 2021/784",
    "see Art. 14(7)",
    "artikel 9, lid 5, DSA",
    "Article 17(5) of Regulation (EU) 2022/2065 applies.",
)
SAYS_NOTHING = (
    "Please inform your client that this is not allowed.",
    "Please tell your customer not to upload this again.",
    "Please remove this and inform your customer.",
    "Informeer uw klant dat dit niet is toegestaan.",
    "Bitte informieren Sie Ihren Kunden, dass dies nicht erlaubt ist.",
    "Informez votre client que ce n'est pas permis.",
    "If this is not your customer, please notify us.",
    "If you are not the owner kindly notify the right party.",
    "Do not hesitate to contact us about your customer.",
    "Aarzel niet om contact met ons op te nemen over uw klant.",
    "We have not contacted the site owner.",
    "The site phishes for confidential information of users.",
    "The use is not authorized by the copyright owner, its agent, or the law.",
    "You must give the user a statement of reasons (Article 17 of Regulation (EU) 2022/2065).",
    "Never share your password with anyone.",
    "Wir bitten um Übermittlung der Kundendaten.",
    "Tutti i diritti riservati.",
    "TLP:GREEN",
    "Confidential: no",
    "Vertrouwelijk:\nnee",
    "Vertraulich: nein",
    "This is not confidential.",
    "Deze melding is niet vertrouwelijk.",
)
DISCLAIMERS = {
    "en": "This e-mail is confidential and intended solely for the addressee. If you are not the intended recipient,"
    " you must not disclose its contents to anyone; please notify the sender and delete it.",
    "en, two sentences": "This message may contain confidential information. It is intended only for the recipient.",
    "en, with a heading": "CONFIDENTIALITY NOTICE: this e-mail is for the intended recipient only. Do not share it.",
    "nl": "Dit bericht is vertrouwelijk en uitsluitend bestemd voor de geadresseerde. Indien u dit bericht ten onrechte"
    " ontvangt, wordt u verzocht de afzender te informeren en de inhoud niet te delen met derden.",
    "de": "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie"
    " bitte sofort den Absender und vernichten Sie diese Mail.",
    "fr": "Ce message est confidentiel et destiné exclusivement à ses destinataires. Si vous n'êtes pas le"
    " destinataire, merci d'en informer l'expéditeur.",
    "es": "Este mensaje es confidencial y va dirigido exclusivamente a su destinatario.",
    "it": "Questo messaggio è confidenziale ed è destinato unicamente al destinatario.",
    "pt": "Esta mensagem é confidencial e destina-se exclusivamente ao destinatário.",
    "pl": "Ta wiadomość jest poufna i przeznaczona wyłącznie dla adresata.",
    "cs": "Tato zpráva je důvěrná a určena výhradně příjemci.",
    "sv": "Detta meddelande är konfidentiellt och endast avsett för mottagaren.",
    "da": "Denne besked er fortrolig og kun tiltænkt modtageren.",
    "fi": "Tämä viesti on luottamuksellinen ja tarkoitettu vain vastaanottajalle.",
}


def of(table: dict[str, tuple[str, ...]]) -> list[object]:
    return [
        pytest.param(text, id=f"{language}-{n}") for language, texts in table.items() for n, text in enumerate(texts)
    ]


def mail(text: str, *heads: str, subject: str = "Notice", kind: str = "text/plain") -> ReadNotice:
    head = "\r\n".join(
        ["From: x@hotline.example", "To: abuse@hoster.example", f"Subject: {subject}", "MIME-Version: 1.0"]
    )
    head = "\r\n".join([head, f"Content-Type: {kind}; charset=utf-8", *heads])
    return read(RawNotice(Carrier.MAIL, f"{head}\r\n\r\n{text}".encode()))


@pytest.mark.parametrize("text", [*of(FORBIDS), *of(CALLS_SECRET), *INVESTIGATED])
def test_a_notice_that_says_so_in_any_language_is_confidential(text: str) -> None:
    assert mail(f"Please remove {URL}\n\n{text}\n").is_confidential
    assert mail(f"{text}\n\nPlease remove {URL}\n").is_confidential


@pytest.mark.parametrize("text", SAYS_NOTHING)
def test_other_talk_of_customers_and_secrets_withholds_nothing(text: str) -> None:
    assert mail(f"Please remove {URL}\n\n{text}\n").confidential == ""


@pytest.mark.parametrize("text", DISCLAIMERS.values(), ids=DISCLAIMERS)
def test_the_disclaimer_below_a_mail_alone_withholds_nothing(text: str) -> None:
    assert mail(f"Please remove {URL}\n\n-- \nThe hotline\n\n{text}\n").confidential == ""
    assert (
        mail(f"{URL}\n\nDo not inform the customer.\n\nThe hotline\n\n{text}\n").confidential
        == "Do not inform the customer."
    )


@pytest.mark.parametrize("text", [texts[0] for texts in FORBIDS.values()], ids=FORBIDS)
def test_it_is_read_from_every_part_of_a_mail(text: str) -> None:
    assert mail(URL, subject=f"=?utf-8?q?{''.join(f'={byte:02X}' for byte in text.encode())}?=").is_confidential
    assert mail(f"<p>{text}</p><p>{URL}</p>", kind="text/html").is_confidential
    table = f'<table class="urls"><tr><th>url</th><th>note</th></tr><tr><td>{URL}</td><td></td></tr></table>'
    assert mail(f"<p>{text}</p>{table}", kind="text/html", subject="NTD [M2026150001]").is_confidential
    assert mail(f"{URL}\n\nOn Monday an officer wrote:\n> {text}\n").is_confidential, "quoted text counts: in doubt"
    assert mail(f"{URL}\n\n" + "\n".join(text.split(" "))).is_confidential, "however its lines are wrapped"
    listed = (
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--b\r\nContent-Type: text/csv\r\n"
        f"Content-Disposition: attachment; filename=l.csv\r\n\r\nurl;ip\r\n{URL};192.0.2.1\r\n--b--\r\n"
    )
    assert mail(listed, kind="multipart/mixed; boundary=b").is_confidential
    inner = f"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}"
    enclosed = f"--b\r\n\r\n{URL}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--"
    assert mail(enclosed, kind="multipart/mixed; boundary=b").is_confidential


def test_labels_headers_and_cells_count() -> None:
    assert mail(
        f"<table><tr><td>Vertrouwelijk</td><td>ja</td></tr><tr><td>URL</td><td>{URL}</td></tr></table>",
        kind="text/html",
    ).is_confidential
    assert not mail(
        f"<table><tr><td>Vertrouwelijk</td><td>nee</td></tr></table>{URL}", kind="text/html"
    ).is_confidential
    assert mail(URL, "Sensitivity: Company-Confidential").is_confidential
    assert not mail(URL, "Sensitivity: Personal").is_confidential
    assert mail(f"{URL}\nInform customer: no").is_confidential
    assert not mail(f"{URL}\nInform customer: yes").is_confidential
    assert mail(URL, subject="NTD [M2026150002] VERTROUWELIJK").is_confidential


@pytest.mark.parametrize(
    ("fields", "secret"),
    [
        ({"confidential": True}, True),
        ({"confidential": False}, False),
        ({"reason": "Do not tell the uploader."}, True),
        ({"details": {"note": ["Informeer de klant niet."]}}, True),
        ({"reason": "A photo of me."}, False),
    ],
)
def test_it_is_read_from_the_fields_of_requests(fields: dict[str, object], secret: bool) -> None:  # noqa: FBT001
    dsa = {"urls": [URL], "reason": "x", "good_faith": True, **fields}
    xarf = {"xarf_version": "4.0.0", "url": URL, "description": "x", **fields}
    assert read(RawNotice(Carrier.DSA_JSON, json.dumps(dsa).encode())).is_confidential is secret
    assert read(RawNotice(Carrier.XARF_JSON, json.dumps(xarf).encode())).is_confidential is secret
    simple = {name: value for name, value in fields.items() if isinstance(value, str)}
    if simple:
        body = urlencode({"urls": URL, "ip": "192.0.2.1", **simple}).encode()
        assert read(RawNotice(Carrier.SCART_API, body)).is_confidential is secret
        assert read(RawNotice(Carrier.DSA_FORM, body)).is_confidential is secret


def test_a_label_that_says_no_does_not_undo_what_else_is_said() -> None:
    found = mail(f"Removal order\nConfidential: no\n{URL}\nThe customer must not be told before 1 January.")
    assert found.order
    assert found.order.confidential
    assert "must not be told" in found.confidential


@pytest.mark.parametrize(
    "text",
    [
        "not " * 200_000,
        "customer inform " * 60_000,
        "confidential: no\n" * 60_000,
        "a." * 500_000,
        "\u0301" * 1_000_000,
        ", " * 500_000,
    ],
    ids=range(6),
)
def test_hostile_texts_cost_time_in_proportion_to_their_length(text: str) -> None:
    begun = time.process_time()
    confidential_sentence([text[: len(text) // 4]])
    quarter = time.process_time() - begun
    begun = time.process_time()
    confidential_sentence([text])
    assert time.process_time() - begun < 12 * quarter + 1
