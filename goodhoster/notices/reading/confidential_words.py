"""What a word can be in a sentence about telling a customer, in twelve languages.

Words come in lower case and without accents. `words_like` tells how the stems are written.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from goodhoster.notices.reading.wording import words_like

_TELL = words_like(
    "inform(?!at|ac|az) tell =told notif alert contact tip =tipping disclos =share =shared =sharing reveal =aware",
    "=know =learn =learns communicate advis warn approach reach =mention divulg publici[sz]",
    # nl, de
    "inlicht ingelicht =licht =meld =melden =gemeld meedeel mededel medegedeeld meegedeeld verwittig waarschuw =hoogte",
    "=kennis kennisgev benader vertel =bericht =berichten openbaar bekend =deel =deelt =delen gedeeld verneem verneemt",
    "informier unterricht benachrichtig benachricht mitteil mitgeteilt verstandig verstaendig kontaktier",
    "=kontakt =teilen",
    "=teile weitergeb weitergegeb weiterleit offenleg offengeleg offenbar kenntnis =bekannt erzahl erfahr anschreib",
    "angeschrieben ansprech angesprochen hinweis hinzuweisen verrat =warnen gewarnt vorwarn gewaarschuwd",
    # fr, es, it, pt
    "avert previen preven aviser =avise =avisez =avise partag communiqu =connaissance =courant =alerte divulgue",
    "avisar =aviso notific contact compart comunic =advierta advert conocimiento revel =avisado =avisada =diga =digan",
    "avvis avvert contatt rivel condivi =conoscenza =corrente contat partilh =conhecimento =conte =contar",
    # pl, cs
    "*powiad *poinform *informow *kontaktow skontaktow ujawn przekazyw przekazac udostep ostrze =wiedzy",
    "upozorn oznam sdel sdil prozra prozrad varov uvedom vyrozum informov kontaktov neinform nekontakt neupozor",
    "neoznam",
    "nesdel nesdil neprozra nevaruj neuvedom nevyrozum",
    # sv, da, fi
    "underratt meddel =kontakta =kontaktas =kontaktats avsloj =dela =delas delge varna beratta upplys tipsa =kannedom",
    "underret orienter =kontakt =kontakte =kontaktes =kontaktet afslor =dele =deles advar fortael oplys",
    "=kendskab varsl",
    "ilmoit kerto kerro tiedott =tiedoksi informoi paljast =jakaa =jaa =jaeta yhteytta varoit =tietoon =tietaa",
)
_NO = words_like(
    "=not =never =no =cannot =without =nor =nobody =none =neither =dont =don =doesn =mustn =shouldn =won =wouldn =mayn",
    "=cant =can't =needn refrain abstain avoid prohibit forbid forbidden =delay =defer =postpone delaying deferring",
    "=niet =geen =nooit =niemand =zonder =noch verbied verbod verboden onthoud vermijd uitstel",
    "=nicht =nichts =kein =keine =keinen =keiner =keinem =keinesfalls =nie =niemals =niemand =niemanden =ohne =weder",
    "untersag verbot =verboten unterlass",
    "=ne =n =pas =jamais =sans =ni =aucun =aucune =aucunement interdi abstenir abstenez =eviter =evitez =differer",
    "=nunca =sin =ni =jamas =ningun =ninguna =prohibe prohibid absteng =evite =eviten",
    "=non =mai =senza =ne =nessun =nessuna =vieta vietat divieto astene =evitare",
    "=nao =sem =nem =nenhum =nenhuma proibid abstenha",
    "=nigdy =bez =zakaz zakazan =nesmi =nesmite =nelze =nebude =nebudte zakazano =nikdy =nema =nemel neinform",
    "nekontakt neupozor neoznam nesdel nesdil neprozra nevaruj neuvedom nevyrozum",
    "=inte =ej =aldrig =utan =icke forbjud =ikke =aldri =uden =ilman =ei =eivat =ala =alkaa =alkoon kiell",
)
_NO_BEHIND = words_like("=niet =nicht =inte =ikke =ej =nooit =nie =niemals =never =niemand =niemandem =nichts =niets")
_STARTS_ANEW = words_like(
    "=please =kindly =if =but =then =we =i =unless =gelieve =graag =indien =als =maar =wij =ik =bitte =wenn",
    "=falls =sofern",
    "=aber =wir =ich =veuillez =merci =si =mais =nous =por =favor =pero =se =prego =ma =jesli =jezeli =prosze =prosimy",
    "=pokud =prosim =hvis =jos",
    "hesit aarzel schroom zoger zogern dud esit wahaj vahej tvek toev eparo",
)
"""Words behind which a negation no longer counts, as in `do not hesitate to contact`, `if it is not yours,"
" please tell`."""
_CONJUNCTION = words_like(
    "=dat =dass =att =at =ze =om =ob =of =que =che =weil =because =that =which =omdat =zda =ettei"
)
_OURSELVES = words_like("=us =me =our =ons =mij =onze =uns =mich =nous =moi =nos =noi =nas =oss =mig =os =meille")
_REPORTS = words_like("=we =i =wij =we =ik =wir =ich =nous =je =j =nosotros =noi =vi =nos =my")
"""Who speaks of what it has done: `we have not contacted the owner` asks for nothing."""
_CUSTOMER = words_like(
    "customer client =user =users subscriber *owner uploader *provider *holder publisher poster operator",
    "registrant tenant",
    "suspect webmaster =hosted",
    "*klant afnemer *gebruiker abonnee *eigena *houder *aanbieder plaatser verdachte betrokkene beheerder huurder",
    "kunde =kundin kundinn endkund *nutzer *inhaber *eigentumer *eigentuemer *betreiber *anbieter abonnent teilnehmer",
    "verdachtig beschuldigt betroffene mandant",
    "utilisateur abonne proprietaire titulaire fournisseur editeur exploitant usager =internaute",
    "usuario abonado suscriptor propietario titular proveedor afectado dueno",
    "utent abbonat titolar proprietari fornitor gestor indagat",
    "utilizador assinante fornecedor =dono =visado",
    "klient uzytkown abonent wlascic dostawc posiadacz zakaznik uzivatel vlastnik majitel poskytovatel drzitel",
    "provozovat uslugobiorc",
    "=kund =kunden kunder anvandar *agare *innehavar uppladd leverantor prenumerant *bruger *ejer =ejeren *indehaver",
    "*udbyder *brukar asiak kayttaj *omistaj haltij *tarjoaj lataaj tilaaj",
)
_ANYBODY = words_like(
    "=anyone =anybody =nobody =no-one =third =others =them =him =derden =niemand =anderen =hem =dritte =dritten =ihn",
    "=niemanden =tiers =quiconque =personne =terceros =nadie =terzi =nessuno =terceiros =ninguem =nikogo =nikomu",
    "=tretim =tredje =kenellekaan =sivullisille",
)
"""Whoever else may be told nothing: counts where no addressee of a mail is spoken of."""
_SECRET = words_like(
    "confidenti vertrouwelijk *geheimhoud vertraulich geheimhalt verschwiegen confidencial",
    "confidenzial =riservato =riservata riservatezza sigilo poufn =tajne =tajna tajnos =utajne duvern",
    "konfidentiel konfident =sekretess sekretes",
    "fortrolig tavshedsplig tystnadsplik luottamuksel salassapid salainen nondisclosure embargo =schweigepflicht",
    "stillschweig geheimhoudingsplicht =zwijgplicht =sekretess tajemnic mlcenliv",
)
_KEPT_SECRET = words_like("=secret =geheim =secreto =segreto =segredo =hemlig =hemligt =hemmelig =hemmeligt =tajne")
_KEEP = words_like(
    "keep =kept treat handl remain =strictly =top blijf =houden =houd behandel =streng halten =bleib garder",
    "=gardez reste",
    "tenu mantener manten guard mantene =tenere =manter =mantenha zachow utrzym =halla =hall =holde =hold pida pidett",
)
_SHIELDED = words_like("withhold withheld conceal verzwijg verschweig verheimlich")
_ONLY = words_like("=only =erst =pas =seulement =solo =solamente =somente =soltanto =dopiero =pouze =forst =vasta")
_AFTERWARDS = words_like(
    "=after =once =when =until =nach =wenn =na =nadat =wanneer =apres =lorsque =despues =cuando =dopo =quando",
    "=apos =depois",
    "=po =efter =nar =nar =jalkeen =kun",
)
_ABOUT_MAIL = words_like(
    "=e =mail *email =message =messages =communication =transmission correspond attach =contents =content =fax",
    "=information",
    "=bericht =boodschap =bijlage =bijlagen =informatie *nachricht anlage anhang =informationen courriel",
    "=courrier =messaggio",
    "=allegat allegati =informazioni mensaj =correo =adjunt =informacion mensag =informacoes wiadomos",
    "=korespondencja =zprava",
    "=priloh meddeland =bilag =bilagor =besked viest sahkopost =liitte =notice =disclaimer =hinweis =avis =aviso",
    "=avviso",
)
_ADDRESSEE = words_like(
    "recipient addressee =addressed =intended ontvanger geadresseerd =bestemd empfanger empfaenger adressat =bestimmt",
    "destinatair =destine =destinee destinatari =destinado =destinato adresat =okreslone prijemc =urcen =urcena",
    "mottagar",
    "=avsedd =avsett modtager =tiltaenkt vastaanottaj =tarkoitettu =sender =afzender =absender =expediteur =remitente",
    "=named =meant =privileged =mittente =remetente =nadawc",
)
_INQUIRY = words_like(
    "opsporingsonderzoek ermittlung polizeiermittlung *forundersokning polisutred *efterforskning *esitutkin",
    "poliisitutkin sledztw",
    "vysetrov strafonderzoek",
)


class Kind:
    """What a word can be, as bits: a flag of `enum` would cost most of the time."""

    TELL = 1 << 0
    NO = 1 << 1
    NO_BEHIND = 1 << 2
    ANEW = 1 << 3
    CONJUNCTION = 1 << 4
    OURSELVES = 1 << 5
    REPORTS = 1 << 6
    CUSTOMER = 1 << 7
    ANYBODY = 1 << 8
    SECRET = 1 << 9
    KEPT_SECRET = 1 << 10
    KEEP = 1 << 11
    SHIELDED = 1 << 12
    ONLY = 1 << 13
    AFTERWARDS = 1 << 14
    MAIL = 1 << 15
    ADDRESSEE = 1 << 16
    INQUIRY = 1 << 17


_PATTERNS = (
    (_TELL, Kind.TELL),
    (_NO, Kind.NO),
    (_NO_BEHIND, Kind.NO_BEHIND),
    (_STARTS_ANEW, Kind.ANEW),
    (_CONJUNCTION, Kind.CONJUNCTION),
    (_OURSELVES, Kind.OURSELVES),
    (_REPORTS, Kind.REPORTS),
    (_CUSTOMER, Kind.CUSTOMER),
    (_ANYBODY, Kind.ANYBODY),
    (_SECRET, Kind.SECRET),
    (_KEPT_SECRET, Kind.KEPT_SECRET),
    (_KEEP, Kind.KEEP),
    (_SHIELDED, Kind.SHIELDED),
    (_ONLY, Kind.ONLY),
    (_AFTERWARDS, Kind.AFTERWARDS),
    (_ABOUT_MAIL, Kind.MAIL),
    (_ADDRESSEE, Kind.ADDRESSEE),
    (_INQUIRY, Kind.INQUIRY),
)


def union_of(kinds: Iterable[int]) -> int:
    """All that some words can be."""
    found = 0
    for kind in kinds:
        found |= kind
    return found


@lru_cache(maxsize=1 << 14)
def kind_of(word: str) -> int:
    """What a word can be, as bits of `Kind`."""
    return union_of(kind for pattern, kind in _PATTERNS if pattern.match(word))
