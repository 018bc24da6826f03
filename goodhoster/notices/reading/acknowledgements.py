"""Words of acknowledgements, bounces and automatic answers.

They are sought in many languages, since such mails often have no header that says what they are and the other's text
below. An acknowledgement speaks of *your* mail; a hotline's "we have received a report" does not. A person reads what
has such words: nothing is closed or dropped for them.
"""

from __future__ import annotations

import re
import unicodedata

_TAGS = r"\s*(?:\[[^\]]{1,100}\]\s*|(?:re|aw|sv|antw|rif|res)\s?:\s*){0,3}"
_SUBJECT = re.compile(
    r".{0,200}?(?:\[[^\]]{1,100}\]\s*)?\bauto-?(?:reply|response)\s?:|" + _TAGS + r"(?:"
    # read, deleted or declined: what mail programs put before the subject
    r"(?:(?:not |nicht |niet )?(?:read|gelesen|gelezen)|lu|non lu|le[ií]do|n[ãa]o lid[ao]|lida|letto|l[äæ]st|lest"
    r"|luettu|loetud|przeczytano|přečteno|prečítané|olvasva|elolvasva|citit|прочитано|прочтено|прочетено|okundu"
    r"|διαβάστηκε|ανάγνωση|開封済み|已读|已讀|읽음|נקרא|مقروءة|đã đọc|dibaca|pročitano|prebrano|perskaityta"
    r"|deleted(?: without being read)?|gelöscht|verwijderd|supprimé|eliminado|accepted|declined|tentative"
    r"|angenommen|abgelehnt|geaccepteerd|accepté|aceptado|accettato"
    r"|read receipt|lesebestätigung|leesbevestiging|accusé de lecture|confirma(?:ción|ção) de le(?:ctura|itura)"
    r"|conferma di lettura|läskvitto|læsekvittering|lesebekreftelse|lukukuittaus|potwierdzenie odczytu"
    r"|уведомление о прочтении|okundu bilgisi)\s?[:：]"
    # not delivered
    r"|.{0,60}?(?:postmaster notify|delivery (?:notification|report|status|failure)|returned mail|delayed mail"
    r"|could not be delivered|mail delivery (?:problem|failed)|mail failure|(?:mail|email) delivery failure"
    r"|delivery has (?:failed|been delayed)|error sending your mail|не доставлен)"
    r"|(?:mail delivery (?:fail|system|sub)|delivery (?:status notification|failure|has failed|delayed)"
    r"|undeliver(?:able|ed)|returned mail|failure notice|warning: (?:message|could not)"
    r"|message (?:delivery )?(?:failed|delayed|undeliver)|non[- ]deliver|unzustellbar"
    r"|(?:mail|nachricht) nicht zustellbar|nicht zugestellt|zustellung fehlgeschlagen|onbestelbaar|niet bezorgd"
    r"|bezorging mislukt|non remis|échec de la remise|no se puede entregar|no entregado|mancato recapito"
    r"|non recapitabile|não (?:entregue|é possível entregar)|nedoručiteln|nedoručeno|nedoručiteľné|niedostarczon"
    r"|nie można dostarczyć|olevererba|kan (?:inte levereras|ikke leveres)|ikke levert|toimitus epäonnistui"
    r"|ei voitu toimittaa|kézbesíthetetlen|nelivrat|nu se poate livra|недоставлен|не удается доставить"
    r"|не вдалося доставити|не може да бъде доставен|teslim edilemedi|αδύνατη η παράδοση|δεν παραδόθηκε"
    r"|未送達|配信不能|配信できません|无法送达|无法投递|未能送达|無法傳遞|退信|배달되지 않음|전송 실패|לא ניתן למסור"
    r"|تعذر التسليم|không gửi được|tidak terkirim|neisporučivo|nedostavljivo)"
    # answered by a program
    r"|(?:auto(?:matic|mated|mata|matisk|matinis|maatne|maattinen)?[ -]?(?:reply|response|answer|antwort|svar|vastus"
    r"|vastaus|atsakymas|odgovor)|autosvar|vacation reply|automatisch(?:es|e)? (?:antwoord|antwort)"
    r"|r[ée]ponse automatique|respuesta autom[áa]tica|risposta automatica|resposta autom[áàa]tica|răspuns automat"
    r"|automatick[áýé] odpov[ěe][ďd]|odpowied[źz] automatyczna|automatyczna odpowied[źz]|automatikus válasz"
    r"|automatski odgovor|samodejn[io] odgovor|automatinis atsakymas|automātisk[āa] atbilde|автоматический ответ"
    r"|автоответ|автоматична відповідь|автовідповідь|автоматичен отговор|аутоматски одговор|αυτόματη απάντηση"
    r"|otomatik (?:yanıt|cevap)"
    r"|自動(?:返信|応答|送信)|自动(?:回复|答复)|自動(?:回覆|回復|回應)|자동 ?(?:회신|응답|답장)"
    r"|מענה אוטומטי|תשובה אוטומטית|رد تلقائي|trả lời tự động|balasan otomatis|ตอบกลับอัตโนมัติ"
    r"|out of (?:the )?office|abwesen(?:d|heits)|afwezig|absent du bureau|fuera de la oficina|fuori (?:sede|ufficio)"
    r"|fora do escritório|poza biurem|mimo kancelář|frånvaro|fravær|poissa|házon kívül|вне офиса|ofis dışında)"
    r")",
    re.IGNORECASE,
)
_PASSED_ON = re.compile(
    _TAGS + r"(?:fwd?|wg|tr|rv|doorst|vb|vl|vs|pd|továbbítás|i|enc|ilt|πρθ|转发|轉寄|転送|전달)" + r"\s?[:：]",
    re.IGNORECASE,
)
_RECEIVED = {
    "en": r"automatically generated in response to|(?:reply|respond) above this line"
    r"|\bissue #\d+ has been (?:reported|updated)|(?:summary|copy|text) of which appears below"
    r"|automatic(?:ally generated)? (?:reply|response)|\b(?:we|i) (?:have |'ve )?(?:received|got) your"
    r"|(?:your|the) (?:\S+ ){0,3}(?:has|have) been (?:received|registered|logged)"
    r"|thank(?:s| you) for (?:contacting|reaching out"
    r"|your (?:e-?mail|message|request|report|enquiry|inquiry|submission))"
    r"|\byour (?:message|e-?mail)\b.{0,200}? (?:was|has been) (?:read|opened|deleted|displayed)\b"
    r"|this is a (?:return )?receipt for|return receipt|was received by|been delivered|moderator approval"
    r"|ticket (?:\S+ ){0,4}?(?:opened|created|closed|updated)\b|copy of the message you sent|you sent us"
    r"|(?:copy|text|content)s? of your (?:e-?mail|message|request|report)"
    r"|your (?:message|e-?mail) (?:was held|has been (?:held|quarantined))|identified as (?:spam|junk)"
    r"|confirm that you are (?:not a robot|human)|below this line is a copy of the message",
    "nl": r"antwoord\w* above this line|(?:antwoord|reageer) boven deze (?:lijn|regel)|ontvangstbevestiging"
    r"|onder (?:het )?nummer|(?:uw|je|jouw) (?:bericht|e-?mail)\b.{0,200}? (?:is|werd) (?:gelezen|geopend|niet bezorgd)"
    r"|(?:wij|we) hebben (?:uw|je|jouw) .{0,60}ontvangen|(?:uw|je|jouw) (?:\S+ ){1,3}(?:is|werd) (?:\S+ )?ontvangen"
    r"|bedankt voor (?:uw|je|jouw) (?:e-?mail|bericht|melding|verzoek|vraag)|kopie van (?:uw|je|jouw)",
    "de": r"antwort\w* (?:above this line|oberhalb dieser (?:linie|zeile))|unter der nummer"
    r"|ihre nachricht\b.{0,200}? (?:wurde|ist) .{0,60}?(?:gelesen|angezeigt|geöffnet|nicht zugestellt)"
    r"|wir haben ihre .{0,60}erhalten"
    r"|ihre? (?:\S+ ){1,3}(?:ist|wurde) (?:bei uns )?(?:eingegangen|empfangen|registriert|erfasst)"
    r"|(?:vielen )?dank f(?:ü|ue)r ihre? (?:e-?mail|nachricht|anfrage|meldung)|kopie ihrer",
    "fr": r"nous avons (?:bien )?re[çc]u (?:votre|vos)|nous avons bien re[çc]u|copie de votre"
    r"|votre (?:\S+ ){1,3}a (?:bien )?été (?:reçue?|enregistrée?|prise? en compte)|accus(?:é|ons) (?:de )?réception"
    r"|merci (?:de nous avoir contacté|pour votre (?:message|courriel|e-?mail|demande))",
    "es": r"hemos recibido (?:su|tu|vuestr)|copia de (?:su|tu)|gracias por (?:contactar|escribir|ponerse en contacto"
    r"|(?:su|tu) (?:correo|mensaje|consulta|solicitud))|\b(?:su|tu) (?:\S+ ){1,3}(?:ha sido"
    r"|fue) (?:recibid|registrad|cread)",
    "it": r"abbiamo (?:ricevuto|registrato|preso in carico) (?:l[aei] |il |l')?(?:sua|suo|tua|tuo|vostr)"
    r"|copia del (?:suo|tuo)"
    r"|(?:sua|suo|tua|tuo|vostr[ao]) (?:\S+ ){1,3}è (?:stat[oa] )?(?:\S+ )?(?:ricevut|registrat|pres[ao])"
    r"|grazie per (?:averci|(?:la|il) (?:sua|suo|tua|tuo))",
    "pt": r"(?:recebemos|regist[rá]+mos) (?:a |o )?(?:sua|seu|tua|teu|voss[ao])"
    r"|(?:sua|seu|voss[ao]) (?:\S+ ){1,3}foi (?:\S+ )?(?:recebid|registad|registrad|abert)"
    r"|obrigad[oa]s? (?:por|pel[oa]) (?:\S+ ){0,2}?(?:conta[c]?to|contactar|mensagem|e-?mail)",
    "ro": r"am (?:primit|înregistrat|recep[țţt]ionat) \S+ (?:dumneavoastr[ăa]|dvs|dv\b|t[ăa]u|ta\b)"
    r"|(?:mesajul|sesizarea|solicitarea|cererea|e-?mailul) (?:dumneavoastr[ăa]|dvs\.?|t[ăa]u|ta) .{0,30}"
    r"(?:primit|înregistrat|recep[țţt]ionat)|mul[țţt]umim pentru (?:mesaj|e-?mail|solicitare|sesizare|contactare)",
    "ca": r"hem rebut (?:el |la )?(?:seu|seva|teu|teva|vostr)",
    "sv": r"(?:tagit emot|mottagit|fått) (?:ditt|din|dina|ert|era?)\b"
    r"|\b(?:ditt|din|ert|er) (?:\S+ ){1,3}(?:har|är) (?:\S+ )?(?:tagits emot|mottag|registrer)"
    r"|tack för (?:ditt|din|ert|er|att du kontakta)",
    "da/no": r"(?:modtaget|mottatt|mottat|fått) (?:din|dit|ditt|deres|jeres)\b"
    r"|\b(?:din|dit|ditt|deres|jeres) (?:\S+ ){1,3}(?:er|har|ble|blev) (?:\S+ )?(?:modtaget|mottatt"
    r"|registrer|op+rettet)"
    r"|takk? for (?:din|dit|ditt|deres|jeres|henvendelse|at du (?:tok|kontakte))",
    "fi": r"(?:vastaanottaneet|vastaanotimme|saaneet|saimme) (?:\S+ )?\w+(?:si|nne)\b"
    r"|\w(?:si|nne) on (?:\S+ )?(?:vastaanotettu|kirjattu|saapunut|rekisteröity)"
    r"|kiitos (?:yhteydenoto|viesti|ilmoitukse|\w+(?:sta|stä)si)",
    "is": r"(?:höfum|hefur) (?:\S+ ){0,2}(?:móttekið|verið móttekið|fengið)",
    "pl": r"(?:otrzymaliśmy|przyjęliśmy|dostaliśmy) (?:\S+ )?(?:tw[oó]j|pańsk|państwa|pan[ia]\b)|kopia (?:twoj|pańsk)"
    r"|(?:tw[oó]j\w*|pańsk\w+|państwa) (?:\S+ ){1,3}(?:przyjęt|zarejestrowan|otrzyman|odebran)"
    r"|dziękujemy za (?:\S+ )?(?:kontakt|wiadomość|zgłoszenie|przesłanie|tw[oó]j|pańsk)",
    "cs/sk": r"(?:obdrželi|přijali|dostali|prijali|obdržali) (?:jsme|sme) (?:\S+ )?(?:v[aá][šs]|tv[oůá])"
    r"|(?:v[aá][šs][eaiíu]?|tv[ůou]j|tvoje) (?:\S+ ){1,4}(?:byl[aoy]? |bol[aoi]? )?(?:\S+ )?"
    r"(?:přijat|obdržen|doručen|zaevidov|zaregistrov|prijat|doručen)"
    r"|(?:děkujeme|ďakujeme) za (?:v[aá][šs]|zpráv|správ|kontakt)",
    "hu": r"megkaptuk (?:az? )?(?:ön |önök )?\w+(?:ét|át|ait|eit)\b|(?:üzenet|level|e-?mail|bejelentés|megkeresés)\w*"
    r"(?:ét|ését|e|ése)\b.{0,40}(?:megkaptuk|megérkezett|beérkezett|rögzítettük|iktattuk)"
    r"|köszönjük,? (?:\w+(?:ét|át)\b|hogy (?:írt|felkereste|megkeres))",
    "sl/hr/sr": r"(?:primili|zaprimili|prejeli|sprejeli) smo (?:v[aá][šs]|tvoj)"
    r"|va[šs]\w* (?:\S+ ){1,3}(?:\S+ )?(?:primljen|zaprimljen|zabele[žz]en|zabilje[žz]en|prejet|sprejet)"
    r"|hvala (?:vam )?(?:na|za) (?:va[šs]|poruc|sporočil)|примили смо ваш|ваш\w* (?:\S+ ){1,2}је примљен",
    "lt/lv/et": r"(?:gavome|užregistravome) jūsų|jūsų (?:\S+ ){1,3}(?:gaut|užregistruot|priimt)|saņēm\w+ jūsu"
    r"|jūsu (?:\S+ ){1,3}(?:saņemt|reģistrēt)|(?:teie|sinu) (?:\S+ ){1,3}(?:\S+ )?(?:kätte saa"
    r"|registreeri|vastu võe|saabu)"
    r"|(?:ačiū|dėkojame) už jūsų|paldies par jūsu|täname (?:teid )?(?:kirja|pöördumise|teate)",
    "ru": r"(?:получили|приняли|зарегистрировали) ваш|\bваш[еауи]?\b (?:\S+ ){1,4}(?:\S+ )?"
    r"(?:получен|принят|зарегистрирован|доставлен|прочитан)"
    r"|(?:спасибо|благодарим)(?: вас)? за (?:ваш|обращени|письм|сообщени)",
    "uk": r"(?:отримали|прийняли|зареєстрували) ваш|\bваш[еау]?\b (?:\S+ ){1,4}(?:\S+ )?(?:отриман|прийнят"
    r"|зареєстрован)"
    r"|дякуємо за (?:ваш|звернення|лист|повідомлення)",
    "bg": r"получихме ваш|\bваш\w* (?:\S+ ){1,3}(?:беше|е) (?:получен|приет|регистриран)"
    r"|благодарим (?:ви )?за (?:ваш|писмо)",
    "el": r"λάβαμε (?:\S+ )?\S+ (?:σας|σου)\b|(?:σας|σου) (?:\S+ ){0,3}(?:ελήφθη|παρελήφθη|λήφθηκε|παραλήφθηκε|καταχωρ)"
    r"|(?:ελήφθη|λάβαμε|παραλάβαμε) το (?:μήνυμα|αίτημά)|ευχαριστούμε (?:για|που) .{0,30}(?:σας|επικοινων)",
    "tr": r"(?:mesaj|e-?posta|talep|talebi|bildirim|başvuru|ileti|şikayet|mail)\w*n[ıiuü]z\w*.{0,40}"
    r"(?:alın(?:mış|dı)|ulaş(?:mış|tı)|kaydedil|kayıt|oluşturul)|bizimle iletişime geçtiğiniz|mesajınız için teşekkür",
    "ja": r"(?:お問い?合わ?せ|ご連絡|ご報告|ご通報|お申し?込み|メール)(?:を|は|が|の)?.{0,20}"
    r"(?:受け?付け?|受領|拝受|承り|受信)(?:ました|いたしました|致しました|しました)"
    r"|(?:お問い?合わ?せ|ご連絡|ご通報|メール).{0,10}ありがとうございま|以下の内容で(?:受け?付け?|承り)|自動(?:返信|応答|送信|配信)",
    "zh": r"(?:收到|受理|接收)了?(?:您|你|贵方|贵司)的?"
    r"|(?:您|你|贵方|贵司)的?(?:邮件|来信|信件|消息|留言|请求|举报|投诉|咨询|工单|郵件|來信|訊息|請求|檢舉|投訴).{0,12}"
    r"(?:收到|受理|登记|登記|提交|收悉)|自动(?:回复|答复)|自動(?:回覆|回復|回應)"
    r"|感[谢謝](?:您|你)的(?:来信|來信|联系|聯絡|咨询|反馈|举报|邮件|郵件)",
    "ko": r"(?:귀하|고객님|회원님)의?.{0,20}(?:접수|수신|등록)(?:되|됐|하|했)"
    r"|(?:문의|메일|요청)(?:가|이|를|을|하신)?.{0,15}(?:접수|수신)(?:되|됐|했|하였)|자동 ?(?:회신|응답|답장)"
    r"|문의해? ?주셔서 감사|메일 ?주셔서 감사",
    "ar/fa/he": r"(?:استلام|استلمنا|تلقي|تلقينا|تسجيل) (?:رسالت|طلب|بلاغ|بريد)(?:ك|كم)|رد تلقائي|شكرا? ?ً?(?:لتواصل"
    r"|على تواصل)"
    r"|(?:پیام|درخواست|ایمیل) شما .{0,15}(?:دریافت|ثبت)"
    r"|(?:הודעת|פניית|בקשת)(?:ך|כם).{0,15}(?:התקבלה|נקלטה|נרשמה)|קיבלנו את (?:הודעת|פניית)|תודה על פניית|מענה אוטומטי",
    "vi/id/th/hi": r"(?:nhận được|tiếp nhận) (?:\S+ ){0,4}của (?:bạn|quý|anh|chị)|cảm ơn (?:bạn|quý khách) đã liên hệ"
    r"|menerima (?:\S+ ){0,2}anda\b|(?:pesan|e-?mail|laporan|permintaan) anda (?:\S+ ){0,2}(?:diterima"
    r"|terima|terdaftar)"
    r"|terima kasih (?:telah|sudah|atas) (?:menghubungi|e-?mail|pesan)|balasan otomatis"
    r"|ได้รับ(?:ข้อความ|อีเมล|เรื่อง|คำร้อง)ของ|ตอบกลับอัตโนมัติ|ขอบคุณที่ติดต่อ|आपका .{0,20}प्राप्त",
}
_NOT_DELIVERED = (
    r"\b(?:a |the |your )?(?:message|e-?mail)(?: that you sent)? (?:could not be|was not|has not been"
    r"|cannot be) deliver"
    r"|delivery has failed|delivery status notification|delivery to the following .{0,40}(?:failed|delayed)"
    r"|error (?:has )?occurred while (?:trying|attempting) to deliver|your (?:message|e-?mail) could not be sent"
    r"|this is the (?:mailer-daemon|postfix program|mail (?:system|server|delivery))|this is the mail server"
    r"|the original message was received at|had (?:delivery problems|permanent fatal errors)|transcript of session"
    r"|delivery incomplete|problem delivering your|sorry to (?:have to )?(?:inform|tell) you that your"
    r"|not a member of this mailing list|(?:メッセージ|メール).{0,20}送信できませんでした|сообщение не доставлено"
    r"|(?:could ?n[o']t|was not|not) (?:be )?delivered|address not found|unable to deliver"
    r"|(?:wasn't|not) able to deliver|mailbox is full|user unknown"
    r"|kon niet worden (?:bezorgd|afgeleverd)|konnte nicht zugestellt werden|n'a pas pu être remis"
    r"|no se (?:ha )?(?:pudo|podido) entregar|non (?:è stato possibile|può essere) (?:recapitat|consegnat)"
    r"|impossibile recapitare|não (?:foi|pôde|pode) .{0,20}entreg|nu a putut fi livrat"
    r"|kunde inte levereras|kunne ikke leveres|ei voitu toimittaa|nie (?:została|mogła być|można) dostarcz"
    r"|niedostarczon|nelze doručit|nemohl[ao]? být doručen|nepodarilo doručiť|nem sikerült kézbesíteni"
    r"|nem kézbesíthető|не (?:удалось доставить|доставлено|может быть доставлено|було доставлено|вдалося доставити)"
    r"|teslim edilemedi|iletilemedi|δεν (?:ήταν δυνατή η παράδοση|παραδόθηκε|μπόρεσε να παραδοθεί)"
    r"|nije (?:moguće isporučiti|isporučen)|ni bilo mogoče dostaviti|配信(?:できません|に失敗)|配達(?:できません|不能)"
    r"|(?:无法|無法|未能)(?:投递|送达|傳送|遞送|投遞)|退信|(?:전송|배달|전달)(?:할 수 없|되지 않|에 실패|하지 못)"
    r"|تعذر (?:تسليم|إرسال)|לא ניתן היה למסור|không thể gửi|tidak dapat (?:dikirim|terkirim)"
)
_AWAY = (
    r"(?:\bi am|\bi'm|\bi will be|\bwe are) .{0,40}?(?:out of (?:the )?office|on (?:\S+ )?(?:leave|vacation|holiday)"
    r"|\baway\b)|\b(?:no longer works?|left) (?:for|at|with|the (?:company|organi[sz]ation|hotline))"
    r"|ik ben .{0,60}?(?:afwezig|met vakantie|niet aanwezig)|je suis .{0,40}?(?:absente?|en congé)"
    r"|ich bin .{0,60}?(?:abwesend|im urlaub|nicht im büro|außer haus)|estoy (?:ausente|de vacaciones|fuera)"
    r"|sono (?:assente|in ferie|fuori ufficio)|estou (?:ausente|de férias|fora)|jestem (?:nieobecn|na urlopie|poza)"
    r"|jsem (?:mimo|na dovolené)|nejsem v kanceláři|som (?:mimo|na dovolenke)"
    r"|jag är .{0,30}?(?:frånvarande|ledig|på semester)"
    r"|jeg er .{0,30}?(?:fraværende|på ferie|ikke (?:på kontoret|til stede)|ute av)|olen .{0,30}?(?:poissa|lomalla)"
    r"|(?:szabadságon|házon kívül) vagyok|sunt (?:în concediu|plecat)|(?:нахожусь|сейчас) в отпуске|меня нет в офисе"
    r"|я (?:у відпустці|поза офісом)|(?:ofis dışında|izinde)yim|(?:λείπω|βρίσκομαι) (?:σε άδεια|εκτός γραφείου)"
    r"|(?:休暇|不在)(?:中|にして)|(?:正在)?休假|不在办公室|부재 ?중|휴가 ?중"
)
_ACKNOWLEDGED = re.compile("|".join((*_RECEIVED.values(), _NOT_DELIVERED, _AWAY)), re.IGNORECASE)


def is_automatic(subject: str) -> bool:
    """Whether a subject is that of an automatic answer, a receipt, a bounce or a forwarded mail."""
    return _SUBJECT.match(unicodedata.normalize("NFC", subject)) is not None


def is_passed_on(subject: str) -> bool:
    """Whether a subject says that the mail passes on another."""
    return _PASSED_ON.match(unicodedata.normalize("NFC", subject)) is not None


def acknowledges(text: str) -> bool:
    """Whether a text acknowledges, bounces or answers another mail."""
    return _ACKNOWLEDGED.search(unicodedata.normalize("NFC", text)) is not None
