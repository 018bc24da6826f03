"""Receipts, bounces, absences, quotations and withdrawals in many languages never act; complaints do."""

import pytest

from goodhoster.model.notices import Carrier, Notifier, NotifierCaps, NotifierKind, RawNotice, ReadNotice
from goodhoster.notices.reading.doubts import doubts_about
from goodhoster.notices.reading.reader import read

URL = "http://anna.example/pic.jpg"
HOTLINE = Notifier(
    "hotline", "Hotline", NotifierKind.HOTLINE, ("hotline.example",), 86400, automatic=True, caps=NotifierCaps(9, 9),
    layout="url-list",
)  # fmt: skip


def notice_of(body: str, subject: str = "Report", kind: str = "text/plain") -> ReadNotice:
    head = f"From: desk@hotline.example\nTo: abuse@hoster.example\nSubject: {subject}"
    return read(RawNotice(Carrier.MAIL, f"{head}\nContent-Type: {kind}; charset=utf-8\n\n{body}\n".encode()))


def acts_on(notice: ReadNotice) -> list[str]:
    return [item.urls[0] for item in notice.items if not doubts_about(item, notice, HOTLINE)]


ACKNOWLEDGED = {
    "cs": "Vaše zpráva byla přijata. Děkujeme.",
    "cs-2": "Obdrželi jsme Váš e-mail.",
    "sk": "Vaša správa bola prijatá.",
    "pl": "Państwa zgłoszenie zostało zarejestrowane.",
    "pl-2": "Dziękujemy za kontakt.",
    "sv": "Vi har tagit emot ditt meddelande. Ärendenummer 4711.",
    "da": "Vi har modtaget din henvendelse.",
    "no": "Vi har mottatt din henvendelse.",
    "fi": "Olemme vastaanottaneet viestisi.",
    "is": "Við höfum móttekið erindi þitt.",
    "ru": "Ваше сообщение получено. Номер заявки 4711.",
    "ru-2": "Мы получили ваше письмо.",
    "uk": "Ваше звернення зареєстровано.",
    "bg": "Получихме вашето съобщение.",
    "sr": "Primili smo vašu poruku.",
    "sl": "Vaše sporočilo je bilo prejeto.",
    "ja": "お問い合わせありがとうございます。以下の内容で受け付けました。",
    "ja-2": "これは自動返信メールです。",
    "zh": "我们已收到您的来信。",
    "zh-2": "您的邮件已收到，谢谢。",
    "zh-tw": "感謝您的來信，這是自動回覆。",
    "ko": "고객님의 문의가 접수되었습니다.",
    "tr": "Mesajınız alınmıştır. Talep numarası 4711.",
    "el": "Λάβαμε το μήνυμά σας.",
    "hu": "Megkaptuk üzenetét. Azonosító: 4711.",
    "ro": "Am primit mesajul dumneavoastră.",
    "pt": "Recebemos a sua mensagem. Obrigado pelo contacto.",
    "lt": "Gavome jūsų laišką.",
    "lv": "Jūsu vēstule ir saņemta.",
    "et": "Oleme teie kirja kätte saanud.",
    "ar": "تم استلام رسالتكم",
    "he": "פנייתך התקבלה",
    "vi": "Chúng tôi đã nhận được thư của bạn.",
    "id": "Kami telah menerima pesan Anda.",
    "fr": "Nous avons bien reçu votre message.",
    "bounce-cs": "Zprávu nelze doručit.",
    "bounce-pl": "Wiadomość nie została dostarczona.",
    "bounce-sv": "Meddelandet kunde inte levereras.",
    "bounce-ru": "Не удалось доставить сообщение.",
    "bounce-ja": "メッセージを配信できません。",
    "bounce-zh": "您的邮件无法投递。",
    "bounce-tr": "İletiniz teslim edilemedi.",
    "bounce-qmail": "I'm afraid I wasn't able to deliver your message to the following addresses.",
    "away-en": "I am on annual leave until 4 January.",
    "away-en-2": "I no longer work at the hotline.",
    "away-de": "Ich bin bis zum 4. Januar nicht im Büro.",
    "away-pl": "Jestem na urlopie.",
    "away-cs": "Jsem na dovolené do pondělí.",
    "away-ru": "Я нахожусь в отпуске до понедельника.",
    "held": "Your message was held because it was identified as spam.",
    "robot": "Please confirm that you are not a robot by answering this mail.",
    "withdrawn": "We withdraw our report about this address:",
    "withdrawn-2": "This report was sent in error.",
    "leave": "Please do not remove this picture, the police asks you to leave it online.",
    "leave-de": "Bitte nicht löschen, die Polizei ermittelt.",
}


@pytest.mark.parametrize("name", ACKNOWLEDGED)
def test_what_acknowledges_bounces_or_withdraws_waits_for_a_person_and_is_not_lost(name: str) -> None:
    notice = notice_of(f"{ACKNOWLEDGED[name]}\n\n{URL}")
    assert acts_on(notice) == []
    assert [item.urls for item in notice.items] == [(URL,)]


@pytest.mark.parametrize(
    "subject",
    [
        *(
            f"{word}: Report"
            for word in (
                "Odpowiedź automatyczna", "Autosvar", "Automatisk svar", "Automaattinen vastaus", "Automatická odpověď",
                "Автоответ", "Автоматический ответ", "Автоматична відповідь", "自動返信", "自动回复", "자동 회신",
                "Otomatik yanıt", "Αυτόματη απάντηση", "Automatikus válasz", "Răspuns automat", "Resposta automática",
                "Automatski odgovor", "Nedoručitelné", "Niedostarczone", "Не удается доставить", "退信", "Nelivrat",
                "Přečteno", "Przeczytano", "Luettu", "Прочитано", "Okundu", "開封済み", "Accepted", "FW", "WG", "Fwd",
            )
        ),
        "[SPAM] Returned mail: see transcript for details",
        "Vacation reply",
    ],
)  # fmt: skip
def test_so_does_what_says_so_in_its_subject(subject: str) -> None:
    assert acts_on(notice_of(URL, subject)) == []


@pytest.mark.parametrize(
    "said",
    [
        "We have received a complaint about the following content:",
        "Nous avons reçu un signalement concernant le contenu suivant :",
        "Hemos recibido una denuncia sobre el siguiente contenido:",
        "Abbiamo ricevuto una segnalazione sul seguente contenuto:",
        "Recebemos uma denúncia sobre o seguinte conteúdo:",
        "Otrzymaliśmy zgłoszenie dotyczące poniższej treści:",
        "Obdrželi jsme oznámení o tomto obsahu:",
        "Vi har tagit emot en anmälan om detta innehåll:",
        "Vi har modtaget en anmeldelse af dette indhold:",
        "Olemme vastaanottaneet ilmoituksen tästä sisällöstä:",
        "Мы получили сообщение о следующем материале:",
        "当ホットラインでは以下の通報を受け付けました。",
        "我们收到关于以下内容的举报。",
        "Bu içerik hakkında bir ihbar aldık:",
        "Λάβαμε αναφορά για το εξής περιεχόμενο:",
        "Megkaptuk az alábbi bejelentést:",
        "Am primit o sesizare despre acest conținut:",
        "Out of office hours call +31 20 1234567.",
        "Please confirm that it is no longer available.",
        "Please do not delete the log files and other evidence.",
    ],
)
@pytest.mark.parametrize("subject", ["Report", "Original content of a citizen", "Reading: a complaint"])
def test_a_complaint_with_such_words_acts(said: str, subject: str) -> None:
    assert acts_on(notice_of(f"{said}\n\n{URL}", subject)) == [URL]


@pytest.mark.parametrize(
    "quoted",
    [
        f"{{quote}}\n{URL}\n{{quote}}",
        f'[quote="abuse"]\n{URL}\n[/quote]',
        f"--- begin quote ---\n{URL}\n--- end quote ---",
        f"---- Ticket history ----\n{URL}",
        f"=== Earlier messages ===\n{URL}",
        f"Conversation history:\n{URL}",
        f"Verlauf:\n\n{URL}",
        f"# {URL}",
        f"% {URL}",
        f"Abuse wrote\n\n{URL}",
        f"Abuse (Example Hosting)\n29 Nov 2026, 09:00 CET\n\n{URL}",
        f"From: Abuse\nTo: Hotline\n\n{URL}",
        f"Von: Abuse\nBetreff: Ihre Meldung\n\n{URL}",
        f"Od: Abuse\nKomu: Hotline\n\n{URL}",
        f"Odesílatel: Abuse\nKomu: Hotline\n\n{URL}",
        f"Отправитель: Abuse\nТема: report\n\n{URL}",
        f"Get Outlook for Android\n________________________________\n{URL}",
        f"             Abuse{' ' * 40}To \n{' ' * 40}hotline\n\n{URL}",
    ],
)
def test_what_was_written_before_never_acts(quoted: str) -> None:
    notice = notice_of(f"Thanks\n\n{quoted}", "Re: Report")
    assert acts_on(notice) == []
    assert [item.urls for item in notice.items] == [(URL,)]


@pytest.mark.parametrize(
    "markup",
    [
        f"<q>{URL}</q>",
        f"<cite>{URL}</cite>",
        f"<del>{URL}</del>",
        f"<s>{URL}</s>",
        f'<div class="zmail_extra">{URL}</div>',
        f'<div class="ticket-quote">{URL}</div>',
        f'<div id="message-history">{URL}</div>',
    ],
)
def test_so_it_is_in_html(markup: str) -> None:
    assert acts_on(notice_of(f"<p>Thanks</p>{markup}", "Re: Report", "text/html")) == []


@pytest.mark.parametrize(
    "said",
    [f"=== URL 1 ===\n{URL}", f"# Addresses\n{URL}", f"Report of the hotline\n30 Nov 2026\n{URL}", f"Links:\n{URL}"],
)
def test_a_title_above_an_address_is_no_quotation(said: str) -> None:
    assert acts_on(notice_of(said)) == [URL]
