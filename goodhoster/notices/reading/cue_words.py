"""Stems of words by which a text may be no order, in the languages of notices.

Each is written as `folding.folded` leaves it: small, without accents. A stem stands for all words that begin with it;
one with a full stop behind it is the whole word.

A group of words alone, or two groups near each other, make a cue (`cues`). No sentence is listed here: what a sender
means to say can be said in many ways, the words for it are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups of words that are a cue near each other."""

    meaning: str
    one: str
    other: str
    apart: int
    """Words from one to the other at most."""
    in_order: bool = False
    unless: str = ""
    """The group that takes the meaning away, between them."""
    looks_back: int = 0
    """Words before them in which it does so, too."""


GROUPS: Final[dict[str, str]] = {
    "withdraws": """
        retract withdraw withdrew rescind rescission revoke. revoked revokes revoking revocation disregard
        discard annul nullif void. voided null. supersed overturn quash overrul lifted. correction corrigend
        errat amended. ignor ingetrokken intrek introk herroep herzien herzag vervalt. vervallen annuleer
        geannuleer negeer neger genegeer opgeheven correctie gecorrigeer rectific rectif zuruckzieh
        zuruckgezog zuruckzuzieh zurucknehm zurucknahm zurucknimm zuruckgenomm ruckzug widerruf
        gegenstandslos hinfallig stornier ignorier aufgehoben ungultig korrektur berichtig annullier
        retracta anulad anulam anular anulac anulez revoc cancelad cancelam annull desconsider omit. omitan
        ritratt wycof anuluj anulow odwol cofam. cofamy cofniet cofniec uniewazn zignor pominac pomin
        sprostow odvolav odvolat stahn zrus anulov neberte oprav. aterkall aterta ogiltig upphav bortse
        rattelse tilbagekald tilbagetr annuller trukket. tilbakekall tilbaketr opphev berigtig peruu peruta
        peruth perun peruc mitatoi jatt oikaisu korjaus. отзыв отозв отмен аннулир игнорир отклик скасов
        анул відклик відкличе оттегл оттеглям отказв исправлен поправк ανακαλ αποσυρ ακυρων ακυρο iptal
        retrag anul revoca visszavon visszavonj visszavont povlac povuc povlaci opoziv preklic umik umic
        otkaz ponist atsauk atsiim anulio atcel atsauc anule tuhista odvola zrusi stahuje cancel. cancels.
        canceled. cancelled. canceling. cancelling. cancellation. stahuj stahneme desistim desistir desiste.
        desistieron perum perut
        """,
    "draws": """
        trek. trekt. trekken. trok. trokken. zieh. ziehe. ziehen. zog. zogen. gezogen nehme. nehmen. nahm.
        nahmen. nimmt. drar. drog. dra. dragit tar. tog. tagit traekk traekker trak trekk trekker trakk.
        bere. berem bereme beru. vzal vzit brat. beriem vezm take. taking took taken vedamme vedan vetaa
        vedimme vedetaan
        """,
    "back": """
        zuruck terug. back. tillbaka tilbage tilbake zpet spat. takaisin terug obratno обратно назад vissza
        inapoi geri
        """,
    "draws_dutch": """
        trek. trekt. trekken. trok. trokken.
        """,
    "in": """
        in.
        """,
    "retires": """
        retir ritir ritirar retrag
        """,
    "notice_romance": """
        signalement notification plainte demande notificacion denuncia aviso. reclamac reclamo solicitud
        queja segnalazion notific richiest reclam notificac queixa pedido sesizar cerere denunc
        """,
    "mistake": """
        mistake erron error. errors errone oversight wrong. wrongly wrongful incorrect inaccura inadvert
        misidentif misunder misread misreport unjust unfound unwarrant apolog sorry. regret. baseless
        invalid vergis foutief foutieve fout. fouten onterecht abusief abusievelijk onjuist verkeerd
        excuses. excuus. ongegrond misver spijt. spijtig irrtum fehler. fehlerhaft fehlmeldung versehen
        falschlich unrecht unberechtigt unrichtig falschmeldung fehlalarm falsch entschuldig bedauer
        unbegrundet missverstand erreur excus desole regrett malentendu injustif equivoc disculp lament.
        lamentamos injustific malentend errore errori sbagli scus. scusi scusate scusiamo ingiustific erro.
        erros enganad engano desculp indevid pomylk omylk blednie. bledne. bledny bledu. blad. nieslusz
        przepraszam niezasadn omyl chyb. chybou chybne. chybna nespravn neopravnen omlouv mylne. mylny
        misstag felaktig fel. ursakt beklagar oriktig ogrundad fejl fejlagt beklager undskyld ubegrund feil.
        feilaktig unnskyld urettmess virhe erehdy erehty vaarin. vaara. pahoittel anteeksi aiheeton ошиб
        ошибоч неверн неправ ложн извин сожал помилк хибн вибач перепрош погреш грешк неправил λαθος
        εσφαλμεν συγγνωμ yanlis hata. hatali hatayla ozur eroare eronat gresit gresea scuze teved hibas
        hibab elnezest pogres gresk napak klaid klyd eksit vabandust kluda kludain
        """,
    "restores": """
        restor reinstat reenabl reactivat republish reopen unblock unsuspend unban undelet unlock relist
        herstel terugplaats terugzet teruggeplaat teruggezet deblokk gedeblokk vrijgeven vrijgegeven heropen
        vrijgev reactiver wiederherst wiederherg freischalt freizuschalt freigeschalt freigeb freizugeb
        entsperr reaktiv wiederer retabli restaur reactiv debloq debloqu restitu restabl rehabilit desbloq
        reponer reponga repongan reposic ripristin riattiv sblocc reativ restabel repor. reponha przywro
        przywra odblok wznow obnov znovuzpri aterstall ateraktiv avblock haeve gendan genopret genab
        gjenopprett gjenapn palaut восстан разблок верните. вернуть возобнов віднов розблок поверніть
        възстан отблок αποκατασ επαναφερ επαναφορ ξεμπλοκ restabil deblo visszaall visszahelyez feloldas
        vrat vrnit povrn ponovn obnovi deblokir odblokir atkur atblok atjaun taasta taastada geriyukle
        engelini geri.
        """,
    "again": """
        back. again. opnieuw. weer. terug. wieder. erneut nouveau. nuevo. nuevamente nuovo. novo. novamente
        ponownie. znow. znovu. opet. igen. igjen. tilbake tilbage tillbaka uudelleen takaisin taas. снова.
        опять. обратно знову. отново. ξανα παλι tekrar yeniden nou. ujra ponovo. vel. uuesti atkal. remet
        remett remis. remise. volver vuelva vuelvan volvan rimett rimesso riport
        """,
    "online": """
        online. on-line live. available accessible reachable visible up. place. access. untouched linea.
        ligne. line. internet. staan. bereikbaar beschikbaar toegankelijk zetten. plaatsen. geplaatst her.
        frei. erreichbar verfugbar abrufbar zuganglich einstell. einstellen freigegeben netz. stehen.
        schalten disponibl acces. raggiung accessibil acessiv disponiv ar. rede. acces dostep. dostepn
        sieci. dostupn pristupn tillganglig nat. natet tilgaengelig tilgjengelig nett. nettet saatavill
        verkossa verkkoon nakyv онлайн доступ доступн сети интернет мережі достъп διαθεσιμ yayin erisim
        elerhet pasiekiam pieejam kattesaadav
        """,
    "keeps": """
        keep. kept. keeping leave. leaving remain. remaining stay. staying let. laat. laten. gelaten behoud
        behouden blijven. houd. houden. handhaaf lass. lasse. lassen. lasst. belass bleiben. behalten laiss
        rester. reste. maintenir maintenez maintien conserv. dej. deje. dejen. dejar. dejad manten quede.
        queden lasci mantene mantener rimanga rimanere resti. restare deixe. deixem deixar mantenh fique.
        ficar zostaw pozosta utrzym ponech nechte. nechat. nechavejte zustat zustane lat. lata. lamna behall
        kvar. lade. lad. lades behold bli. blive. forbli forblive staende jata. jattaa jattakaa jattaisitte
        pitaa pitakaa pysya sailyt остав оставьте сохран пусть. залиш лишіть нехай остави оставете αφησ
        birak kals lasati ramana pastra hagyj maradj maradhat ostavite ostavi ostane pustite palik lieci
        atsta jatke jaagu permanec permanez garder. gardez.
        """,
    "until": """
        until. till. untill. pending. tot. totdat. zolang. bis. solange. jusqu jusque hasta. finche fino.
        ate. dopoki dopóki dokud. tills. indtil. inntil. kunnes пока. до. поки. μεχρι kadar pana amig dok.
        dokler kol kamer kuni
        """,
    "before": """
        before. alvorens voordat. bevor. ehe. avant. antes. prima. zanim. nez. innan. inden. ennen. преди.
        до. перед.
        """,
    "police": """
        police. polit politie polizei. polic policia. polizia. policja. policj polis polisen politi politiet
        poliisi poliis полици поліці prosecut justitie. officier staatsanw parquet. fiscal procura prokurat
        прокур
        """,
    "ought": """
        to. be. must. should. shall. te. moet. moeten. dient. zu. muss. mussen. soll. sollen. doit. doivent.
        etre. debe. deben. ser. deve. devono. essere. devem. musi. ma. skal. maste. pitaa.
        """,
    "decides": """
        police. police's polit politie. polizei. polic policia. polizia. policja. policj polis polisen
        politi politiet poliisi poliis полици поліці notice. instruct investigat hear. heard contact tell.
        told say. confirm prosecut court nader. bericht. onderzoek justitie. officier aanwijz weiter
        weiteres. ermittl staatsanw gericht anweis enquet ordre. nouvel parquet. juge. tribunal nuevo.
        aviso. orden. juez fiscal autorita magistrat procura avviso nova. ordem. juiz odwolan prokurat sad.
        odvol soud anmod åklag aklag besked syyttaj прокур суд. следств εισαγγελ savci
        """,
    "negation": """
        not. never nothing none. no. cannot dont nor. niet. geen. nooit niets. noch. nimmer nicht. kein.
        keine keinen keinem keiner keines keinerlei nie. niemals nichts. ne. pas. aucun aucune jamais. rien.
        non. nessun niente. nao. nunca. nenhum nada. ningun jamas. zaden zadn zadna zadne ani. inte. icke.
        ej. inga. inget. ingen. ikke. aldrig. aldri. intet. ingenting ei. eivat. alkaa. ala. alkoon eika.
        не. нет. ни. нельзя нема. немає. нищо. няма. δεν. δε. μη. μην. degil. yok. nem. nu. nije. nisu.
        nemojte nemoj niti nav. nei. arge. ara. mitte. pole. nepodar
        """,
    "acts": """
        remov delet take. taken. taking. takes. takedown block. blocked blocking disabl suspend. suspended
        suspending eras. erase. erased purg offline. inaccess unpublish action. actions. act. acted
        necessary need. needed needs. required requir verwijder wissen. wis. blokk geblokk weghal weggehaald
        haal. halen. weg. ontoegankelijk actie. acties. hoef. hoeft. hoeven. nodig. noodzak sluit. sluiten.
        losch geloscht entfern sperr gesperr abschalt abgeschalt deaktiv deaktivier nehmen. handlungsbed
        massnahm tun. unternehm notig. erforderlich notwendig handeln. handel. supprim retir retrait bloqu
        desactiv effac enlev agir. action besoin. faire. elimin borr bloque suprim quit. quite. quiten
        hacer. falta. accion acciones tome. rimuov rimoz rimoss cancell blocc oscur. oscurare disattiv fare.
        azion occorr serve. bisogn apag. apagar apaguem exclu desativ fazer preciso precisa acao acoes usun
        usuw skasow kasow blokow zablok wylacz dzial robic potrzeb wymagan trzeba. odstran smaz maz. maze
        blokov delat treba potreb nutn bort. borttag radera ta. blocker spärr sparr stang atgard gora. behov
        nodvand slet. slette slettes fjern bloker luk. lukke gore. handling nodvend foretag slett. sletting
        steng gjore. poist sulk sulje tarve. tarvit toimenpi tehda. удал блокир снима снос убира убир действ
        требу нужн необход делать закрыва видал прибир блок потріб премах изтри свал нужд αφαιρ διαγρ κατεβ
        μπλοκ ενεργ χρειαζ απαιτ kaldir sil. silmey engelle gerek islem sterge stergeti blocat nevoie torol
        tavolit szukseg uklon uklan brisa brisite obris blokira izbris istrin salin reik dzes nonem jadzes
        vajad kustuta eemalda necessario necessaria necessarie. necessaire necesario necesaria
        """,
    "refuses": """
        neodstran nemaz neblok nesmaz nerus. nestah nemusi. nemusite netreba netrebaj nevymaz nepotreb
        nemazt neodstrán nevyzad nereik nevajag nesalin netrin nedzes nemojte
        """,
    "illegal": """
        illegal unlawful punish criminal crimin infring violat csam offence offense evidence. legit
        objection prohibit strafbaar strafbare onrechtmat illega inbreuk overtred bezwaar verboden
        rechtswidr strafbar strafrecht strafrelevant verstoss verstoß verboten bedenk einwand beanstand
        rechtsverletz illicit infraction contraire contrevi ilegal ilicit delict infrac objec illecit reato
        violaz obiez crime. nielegal przestep narusz zakazan nezakon nelegal protipravn trestn zavadn porus
        olaglig brottslig strider ulovlig laiton laitto rikos rikko незакон противоправ запрещ наруша
        нелегал протиправ заборон παρανομ yasadis jogserto torvenyser nezakonit protuzakonit protivzakonit
        kaznjiv neteiset nelikum ebaseaduslik
        """,
    "harmless": """
        harmless innocen lawful. nonillegal false-positive rechtmassig unbedenklich harmlos unschuldig
        legaal rechtmatig onschuldig inoffensif inocen lecito lecita licite. legalne legalny legalni zakonne
        lagligt lovligt lovlig laillin законн правомер
        """,
    "settled": """
        resolved. resolution. solved. closed. closing closure. clos. finished. settled. completed. dealt.
        obsolete expired gesloten. afgesloten. afgehandeld opgelost. afgerond. beeindigd beeindig vervallen.
        sluiten. sluit. geschlossen abgeschlossen erledigt geklart. behoben. beendet. eingestellt.
        abgelaufen resolu clotur cloture termine. reglee resuelt cerrad cerram archivad finaliz conclu
        risolt chius archiviat conclus resolvid encerrad fechad concluid zamkni zakoncz rozwiaz zalatwi
        uzavr vyres ukoncen uzavre stangt. stangd avslutad avslutat lost. lukket afsluttet avsluttet suljet
        ratkais kasitelt paattynyt закрыт закрыва решен решён завершен закрит вирішен затвор κλειστ επιλυθ
        kapatil cozuld inchis rezolvat lezart lezar megold zatvoren rijesen resen zakljucen uzdaryt issprest
        slegt atrisinat suletud lahendatud stopped. gestopt. gestoppt.
        """,
    "case": """
        case. cases. ticket tickets. report. reports. notice. matter. issue. request. complaint incident
        conversation. file. this. it. as. is. been. was. has. zaak. dossier melding meldingen verzoek wij.
        wordt. fall. vorgang. meldung. akte. ist. wurde. wir. signalement affaire. demande. est. nous. caso.
        expediente. denuncia. hemos. pratica. segnalazione fascicolo. abbiamo. processo. pedido. zgloszen
        sprawa. sprawe. zostalo zostala hlaseni pripad anmalan sag. sagen. sak. saken. tapaus asia. дело.
        обращени заявк случай справу υποθεσ kayit dosya cazul ugy. slucaj arende
        """,
    "already": """
        already meanwhile since. reeds. inmiddels. ondertussen al. bereits. inzwischen. mittlerweile schon.
        deja. ya. gia. ja. juz. jiz. uz. redan. allerede. jo. уже. вже. вече. ηδη zaten deja mar. vec. jau.
        juba. entretanto
        """,
    "gone": """
        removed. deleted. offline. gone. down. unavailable. inaccessible. blocked. disabled. moved. cleaned.
        fixed. resolved. suspended verwijderd. weg. gewist. verdwenen ontoegankelijk. geblokkeerd.
        verplaatst. verhuisd. geloscht. entfernt. gesperrt. abgeschaltet. verschwunden. deaktiviert.
        umgezogen. nachgekommen supprimee supprimes retiree retires inaccessible effac disparu enlev
        eliminad retirad borrad suprimid bloquead desactivad rimoss eliminat cancellat oscurat removid
        apagad desativad usuniet skasowan zablokowan niedostepn odstranen smazan zablokovan nedostupn
        borttag raderat raderad borta. slettet. fjernet. vaek. blokeret. slettet borte. fjernet poistettu
        poistunut sulkettu estetty удален удалён заблок снят недоступ видален премахнат изтрит αφαιρεθ
        διαγραφ kaldirildi silindi sters torolve torolt eltavolit uklonjen obrisan istrint pasalint dzest
        nonemt kustutat eemaldat supprime. retire. bloque. bloquee. desactive. desactivee.
        """,
    "was": """
        is. are. was. were. been. went. seems. appears. got. zijn. werd. werden. ging. blijkt. zojuist. ist.
        sind. wurde. wurden. war. waren. ete. est. sont. sido. fue. fueron. esta. estan. stato. stata.
        stati. sono. foi. foram. zostal zostalo zostala zostaly jest. sa. byl. byla. bylo. byly. jsou. har.
        hade. er. blev. ble. blitt. ovat. oli. был. была. были. било. было. бути. було. е. бе. са. ειναι
        este. sunt. fost. lett. van. bio.
        """,
    "ensures": """
        ensur sure. so. zorg. zorgt zorgen zodat. opdat. sichersteh sicherst sicherzustell sodass. sorgen.
        damit. veill veiller assur afin. asegur garant assicur affinche para. sicher. zapewn zapewnic zajist
        säkerst sakerst sikre. sorg. sørg varmist обеспеч чтобы. забезпеч осигур εξασφαλ sagla asigur
        biztosit osigur zagotov should. must. may. darf. durfen. mag. mogen. doit. doivent. debe. deben.
        deve. devono. devem. moet. moeten.
        """,
    "reachable": """
        available reachable accessible online. live. hosted. visible bereikbaar beschikbaar toegankelijk
        gehost vindbaar erreichbar verfugbar abrufbar aufrufbar gehostet online disponible ligne. heberge
        accesible linea. aloj raggiung accessibil disponibil acessivel disponivel dostepn dostupn pristupn
        tillganglig tilgaengelig tilgjengelig saatavill verkossa доступ доступн онлайн достъп διαθεσιμ
        προσβασιμ erisil erisim accesibil elerhet pasiekiam pieejam kattesaadav responsib verantwoord
        verantwortlich valid. geldig. gultig. applies. needed. applicab
        """,
    "trial": """
        test. tests. testing. testmail testmessage testnotice testreport testbericht testmelding testmeldung
        testnachricht testberichten exercise. exercises. drill. drills. rehears oefening oefenmelding proef.
        proefmelding ubung. ubungs probe. probelauf probemeldung exercice. essai. ejercicio. prueba.
        pruebas. simulacro esercitaz prova. teste. testes. exercicio. simulac cwiczen probn testow cviceni
        zkouska zkusebni testovaci ovning prov. provmeddel ovelse. harjoitu testi. kokeilu учени учебн тест.
        тестов проверк навчальн упражнен δοκιμ ασκηση deneme tatbikat exercitiu incercare gyakorl teszt
        vjezba vaja. poskus bandym pratyb izmegin katse. oppus demo. demonstrat dummy. voorbeeld.
        bijvoorbeeld beispiel beispiels bspw. exemple. ejemplo. esempio. exemplo. przyklad priklad exempel.
        eksempel. esimerk пример приклад παραδειγμ ornek exemplu pelda primjer pavyzd piemer naid
        """,
    "informs": """
        fyi. statistic survey questionnaire newsletter webinar workshop training. conference digest overview
        figures. agenda. counternot countercla kennisgeving. kopie. afschrift. overzicht. statistiek
        enquete. nieuwsbrief uitnodig cijfers. jaarverslag samenvatting vragenlijst cursus kenntnisnahme.
        kenntnis. ubersicht. statistik umfrage. newsletter. rundbrief einlad zusammenfass auswertung
        jahresbericht gegendarst widerspruch statist sondage. infolettre lettre-info copie. contre-notif
        estadist encuesta boletin resumen. copia. contranotif sondaggio riepilog riassunto controno estatist
        inquerito boletim resumo. statystyk ankiet biuletyn podsumow kopia. pruzkum dotaznik prehled
        zpravodaj enkat nyhetsbrev oversikt kopia sammanfatt kopi. oversigt nyhedsbrev sporgeske tilasto
        kysely. uutiskirje yhteenveto tiedoksi. kopio статистик опрос обзор рассыл копия. сводк опитув огляд
        копія αντιγραφ στατιστ ενημερωτ istatistik anket bulten kopya. chestionar statisztik masolat
        felmeres anketa kopija. gdpr dsgvo rgpd rodo. invitation scheduler cronjob whois.
        """,
    "orients": """
        information kennisname kennis. kennisgeving informatie kenntnis kenntnisnahme information. info.
        informationen titre. informativo informacion conoscenza informacao conhecimento wiadomosci
        informacji informaci vedomost kannedom orientering tiedoksi сведения информации відома сведение
        ενημερωση bilgi informare tajekoztatas znanje zinas
        """,
    "for_it": """
        for. ter. zur. zu. pour. para. per. do. pro. til. till. для. до. για. spre. only. merely simply nur.
        alleen. slechts enkel. seulement uniquement solo. apenas tylko. pouze bara. kun. vain. только. zum.
        """,
    "tickets": """
        ticket tickets. issue. issues. conversation zaak. vorgang anfrage dossier zgloszen tiketti hlaseni
        pozadavek arende henvendelse sak. заявк обращени тикет запит talep tichet hibajegy
        """,
    "ticketed": """
        created. opened. updated. closed. assigned. escalat resolved. reopened. reassigned. merged.
        registered. approval acted. rejected. pending. status: aangemaakt. bijgewerkt. gesloten. toegewezen.
        geregistreerd. geescaleerd erstellt. aktualisiert. geschlossen. zugewiesen eskalier eroffnet cree.
        creee. ouvert. mis. mise. attribue. rappel. escalad creado. creada. abierto. actualizad asignad
        creato. creata. aggiornat assegnat criado. aberto. atualizad atribuid utworzon zaktualizowan
        zamkniet przypisan vytvoren aktualizovan prirazen skapat skapad uppdaterat oprettet opdateret
        opprettet oppdatert luotu paivitetty создан обновл закрыт назначен створен оновл olusturuld
        guncellen creat actualizat letrehoz frissit
        """,
    "delivers": """
        deliver undeliver distribu. distribue distribuer zustell zugestell bezorg afgeleverd afleveren
        entreg entregar recapit consegn inviat inviata. inviare doruc dorucit dostarcz leverera levereras
        levere. leveres levert toimitt достав доставл livrat livra kezbesit isporuc dostav teslim ilet
        iletil pristat piegad edasta παραδοθ
        """,
    "receives": """
        received. receipt received erhalten. ontvangen. eingegangen recu. recue. recibid ricevut recebid
        recebem otrzyma obdrz prijat mottagit modtaget mottatt vastaanot получ отрим получих ληφθ alindi
        primit megkap primljen prejet gaut sanem saanud
        """,
    "yours": """
        your. yours. uw. je. jouw. jullie ihr. ihre. ihrer. ihren. dein. deine. votre. vos. ton. su. sus.
        tu. vuestra vuestro vostra vostro tua. tuo. sua. suo. seu. twoj twoja twoje panstwa vas. vase. vasi.
        vaseho din. ditt. dit. er. ert. deres. jeres. teidan ваш ваша ваше ваши вашу tau. dvs. dumneavoastra
        """,
    "excepts": """
        except. excepted exception. excluding exclude apart. behalve uitgezonderd uitzonder ausser.
        ausgenommen ausnahme sauf. excepte hormis excepto salvo. menos. tranne eccetto escluso exceto oprocz
        wyjatk krome. vyjma undant. forutom undtag bortset unntatt paitsi lukuun кроме исключен окрім крім
        освен εκτος haric exceptia kivev osim razen isskyrus iznemot valja
        """,
    "waits": """
        wait. postpon pause. paused. hold. wacht. wachten. afwachten. aanhoud aangehoud opschort uitstel
        warten. abwarten. zuwarten verschieb vorerst attendre. attendez. patienter. espere. esperen.
        esperar. aplaz aspettare. aspettate. rimand aguardar. aguarde. aguardem. adiar poczeka wstrzym odroc
        pockej vyckej cekat. vanta. avvakta skjut vent. afvent avvent utsett udsaet odottakaa. lykka ждите.
        ждать. подожд отлож зачека почека изчака περιμεν bekley astept varj. pricekaj pocakaj palauk uzgaid
        oodake voorlopig vorlaufig provisoire bevriez freeze. frozen einfrier
        """,
    "moved": """
        moved. migrat relocat verhuisd. verhuizen overgezet umgezogen verzogen transfere demenag trasladad
        mudado. migrad spostat trasferit mudou. przeniesion presunut prestehov flyttat flyttad flyttet
        flytted siirtyn siirret перенесен переехал переміщен преместен μεταφερθ tasindi mutat. mutate
        atkoltoz preseljen
        """,
    "thanks": """
        thank thanks. dank. bedankt. danke. danken merci. remerci gracias. grazie. obrigad dziekuj dekuj
        tack. tak. takk. kiito спасибо благодар дяку ευχαριστ tesekkur multumim koszon hvala. aciu paldies
        aitah
        """,
    "other": """
        other. another. different. andere. ander. anders anderer anderen autre. autres otro. otra. altro.
        altra. outro. outra. inny. inna. jiny. jina. annan. anden. annen. toinen muu. другой другого інший
        """,
    "hoster": """
        host. hosted. hoster hosting hosts. provider provid hebergeur proveedor fornitore alojam hostingov
        хостинг
        """,
}
"""The stems of each group."""

ALONE: Final[dict[str, tuple[str, ...]]] = {
    "it may take something back": ("withdraws",),
    "it may speak of a mistake": ("mistake", "harmless"),
    "it may ask to restore something": ("restores",),
    "it may leave something out": ("excepts",),
    "it may ask to wait": ("waits", "refuses"),
    "it may say that something is settled": ("moved",),
    "it may be no order": ("trial", "informs"),
}
"""Groups of which one word is a cue, by what it may mean."""

PAIRS: Final = (
    Pair("it may take something back", "draws", "back", 25),
    Pair("it may take something back", "draws_dutch", "in", 25),
    Pair("it may take something back", "retires", "notice_romance", 4),
    Pair("it may ask to restore something", "again", "online", 5),
    Pair("it may ask to leave something", "keeps", "online", 10),
    Pair("it may ask to wait", "until", "decides", 8),
    Pair("it may ask to wait", "before", "police", 8),
    Pair("it may say not to remove something", "negation", "acts", 6),
    Pair("it may say that something is not illegal", "negation", "illegal", 5),
    Pair("it may say that something is settled", "settled", "case", 5),
    Pair("it may say that something is settled", "already", "gone", 6),
    Pair("it may say that something is settled", "was", "gone", 4, unless="ought"),
    Pair("it may say that something is settled", "thanks", "gone", 8),
    Pair(
        "it may say that something is settled",
        "negation",
        "reachable",
        5,
        in_order=True,
        unless="ensures",
        looks_back=12,
    ),
    Pair("it may be no order", "for_it", "orients", 2),
    Pair("it may be no order", "tickets", "ticketed", 5),
    Pair("it may be about a mail", "negation", "delivers", 10),
    Pair("it may be about a mail", "receives", "yours", 2),
    Pair("it may be about another hoster", "other", "hoster", 2),
)
"""What two words near each other may mean."""

PHRASES: Final[dict[str, str]] = {
    "it may take something back": r"no longer (?:stand|valid|appl|maintain|pursu)|niet verzonden|sin efecto"
    r"|caso omiso|hors de cause"
    r"|tenir compte|take no notice|pay no attention|geri cek|should have (?:been|read|said)|in place of"
    r"|instead of|in plaats van"
    r"|anstatt|statt |au lieu de|en lugar de|al posto di|em vez de"
    r"|撤回|撤销|撤銷|作废|作廢|取消|忽略|無視|取り下げ|取下げ|取り消|철회|취소|무시|سحب|الغاء|تجاهل|ביטול"
    r"|מבטל|מושך|להתעלם"
    r"|rut lai|huy bo|bo qua|mencabut|batal|abaikan|ยกเลิก|เพิกเฉย|वापस",
    "it may speak of a mistake": r"false (?:positive|alarm|match|report)|ten onrechte|per ongeluk|zu unrecht"
    r"|a tort\b|par megarde|fausse alerte"
    r"|falso positivo|falsa alarma|per sbaglio|por lapso|przez pomylke|vals alarm|falskt? (?:alarm|larm)"
    r"|错误|錯誤|误报|誤報|誤って|間違|잘못|오류|착오|خطا|خطأ|בטעות|טעות|nham lan|sai sot|keliru|kesalahan"
    r"|ผิดพลาด|गलती",
    "it may ask to restore something": r"re-enabl|re-activat|re-instat|re-open|un-block|lift the (?:block|ban"
    r"|measure)|make (?:it )?public again"
    r"|恢复|恢復|復元|復旧|再公開|복구|복원|استعاد|اعادة|לשחזר|שחזור|khoi phuc|pulihkan|กู้คืน|बहाल",
    "it may ask to leave something": r"as (?:it is|they are)|mag blijven|kan blijven|darf (?:online )?bleiben"
    r"|blijven staan|stehen ?lassen"
    r"|保留|維持|残して|そのまま|유지|남겨|ابقاء|ابقوا|להשאיר|השאירו|giu nguyen|biarkan|คงไว้",
    "it may say not to remove something": r"(?:不要|请勿|請勿|勿|无需|無需|不需|不必)\W{0,3}(?:删除|刪除"
    r"|移除|下线|处理|操作)|不(?:会|會|予|该"
    r"|該|应|應)(?:删除|刪除|移除)"
    r"|削除しない|削除不要|不要です|対応不要|삭제하지|조치 ?불필요|필요 ?없|لا تحذف|لا تزيل|لا حاجة"
    r"|אל תמחק|אל תסיר|אין צורך"
    r"|dung xoa|khong can|jangan (?:hapus|di)|tidak perlu|อย่าลบ|ไม่ต้อง",
    "it may say that something is settled": r"no action|nothing to (?:do|remove)|already done|did you remove|cleared"
    r"|went offline|deja fait|thank(?:s| you) for (?:\w+ ){0,2}(?:remov|delet|tak)|已\w{0,12}(?:删除|刪除"
    r"|移除)|已关闭"
    r"|已解决|削除済|対応済|解決済|삭제됨|삭제되었|해결|تم حذف|تمت ازالة|הוסר|נמחק|טופל"
    r"|da xoa|da go|sudah dihapus|ลบแล้ว",
    "it may be about a mail": r"undeliver|unzustellbar|onbestelbaar|non delivrable|non remis|non consegnabile"
    r"|nao entregue|nelivrabil|neisporuciv"
    r"|nedoruc|niedostarcz|olevererba|kezbesithetetlen|недостав|teslim edilemedi|iletilemedi|nu a putut",
    "it may be no order": r"for your (?:records|info)|(?:a|this|in|only|as|with) copy (?:for|to|of (?:the|this"
    r"|our|a|your) (?:notice|report|mail|e-?mail|message|letter|order))|\bcc\b ?:"
    r"|nothing needs|(?:an?|for|as|only|just) examples?\b|\bexamples? (?:only|mail"
    r"|notice|report|of)\b|e\.g\.|for instance"
    r"|par exemple|por ejemplo|z\. ?b\.|zum beispiel|counter.?not|counter.?claim"
    r"|good.?faith belief that the material was removed"
    r"|data subject|(?:right|recht|droit|derecho|diritto|direito) (?:to|auf|op|a) (?:erasure|object|loschung"
    r"|verwijdering|l'effacement)"
    r"|added a note|reminder is for|titulo informativo|titre (?:d'|d )?information|job (?:report|done|finished|ended)"
    r"|has been (?:up|im|ex)(?:dat|port)ed|please confirm your|in order to confirm this"
    r"|通知のみ|参考まで|ご参考|テスト|訓練|测试|測試|演习|供参考|仅供|例如|테스트|훈련|참고|예시|اختبار"
    r"|للعلم|تجربة|מבחן|בדיקה|לידיעה|thu nghiem"
    r"|de biet|uji coba|ทดสอบ|परीक्षण",
}
"""Fixed turns of phrase, and languages that put no blanks between words."""

IF: Final = (
    r"(?:if|unless|in case|should|when|once|as soon as|after|indien|als|mocht|wanneer|zodra|nadat|falls"
    r"|wenn|sollten?|sobald|nachdem|si|lorsque|quand|des que|apres|une fois|cuando|una vez|quando|se"
    r"|caso|se)"
)

ORDINARY: Final = (
    r"\b(?:no|not) (?:later|more) than\b",
    r"\bno reply\b|\bnoreply\b",
    # do not reply, open, distribute: verbs of removing stay
    (
        r"\b(?:do|please do|should|must|may|can) not (?:reply|respond|answer|open|click|visit|distribute"
        r"|forward|share|view|download|publish|contact|inform|notify|disclose|ignore|hesitate)\b"
    ),
    (
        r"\bniet (?:te )?(?:beantwoorden|antwoorden|openen|klikken|verspreiden|bezoeken|doorsturen|delen"
        r"|informeren|negeren|reageren)\b"
    ),
    r"\b(?:antwoord|reageer|beantwoord|open|verspreid|bezoek|negeer)\b (?:(?!verwijder)\w+ ){0,4}niet\b",
    (
        r"\bnicht (?:zu )?(?:antworten|offnen|beantworten|verbreiten|besuchen|weiterleiten|teilen"
        r"|informieren|ignorieren|anklicken)\b"
    ),
    r"\b(?:antworten|offnen|beantworten|besuchen|verbreiten) sie (?:(?!losch|entfern|sperr)\w+ ){0,4}nicht\b",
    (
        r"\bne (?:pas )?(?:repond\w*|ouvr\w*|diffus\w*|visit\w*|partag\w*|transmett\w*"
        r"|transfer\w*)(?: (?:pas|jamais))?\b"
    ),
    r"\bno (?:reply|response|answer) (?:is |to this (?:e-?mail|message) is )?(?:needed|necessary|required)\b",
    (
        r"\bgeen (?:antwoord|reactie) (?:nodig|noodzakelijk|vereist)\b|\bkeine (?:antwort"
        r"|ruckmeldung) (?:notig|erforderlich|notwendig)\b"
    ),
    # more information, questions
    (
        r"\b(?:for|any) (?:more|further|additional|other|any) (?:information|info|details|questions)\b"
        r"|\bfor information (?:about|on|see)\b"
        r"|\bvoor (?:meer|verdere|nadere|aanvullende) informatie\b|\b(?:fur|zu) (?:weiteren?|nahere[rn]?"
        r"|mehr) informationen\b"
        r"|\bpour (?:plus d'|toute |de plus amples )(?:informations?|information)\b|\bpara (?:mas"
        r"|mais) inform\w+\b|\bper (?:maggiori|ulteriori) informazioni\b"
    ),
    # let us know
    (
        r"\b(?:let|keep) (?:us|me) (?:know|informed|posted)\b|\blaat (?:het )?ons (?:\w+ )?weten\b"
        r"|\bhoud(?:t)? (?:ons|u ons) op de hoogte\b"
        r"|\blassen sie (?:es )?uns (?:\w+ )?wissen\b|\bhalten sie uns auf dem laufenden\b"
        r"|\btenez nous informes\b"
    ),
    # a condition that is about them or about the time when it is done
    (
        rf"\b{IF} (?:[^\W_]+[ ',]{{1,3}}){{0,14}}?(?:not (?:your|the (?:owner|right|responsible|intended"
        rf"|correct|hosting|addressee))|not (?:responsible|hosted|host|hosting|yours|concerned|you|remove"
        rf"|removed|comply|act|taken|made)"
        r"|niet (?:de |uw |van |bij |aan |voldoet|verantwoordelijk|verwijdert|beheerder|eigenaar)"
        r"|nicht (?:der |die |ihr|zustandig|verantwortlich|in |von |bei |nachkommen|entfern)"
        r"|n'?e?t?e?s? ?pas (?:le |la |responsable|votre|concerne)|no longer (?:your|hosted|responsible))"
    ),
    (
        rf"\b{IF} (?:[^\W_]+[ ',]{{1,3}}){{0,10}}?(?:removed|deleted|offline|taken down|inaccessible"
        rf"|disabled|verwijderd|ontoegankelijk|entfernt|geloscht|gesperrt|supprimes?|retires?|eliminad\w+"
        rf"|rimoss\w+|removid\w+|resolved|fixed|solved|opgelost|behoben|resolu)\b"
    ),
    (
        rf"\b{IF} (?:you|u|sie|vous) (?:believe|think|feel|consider|have reason|are of the opinion|denkt"
        rf"|meent|vindt|van mening|glauben|meinen|der ansicht|der meinung|pensez|estimez"
        rf"|croyez)[^.;!?]{{0,160}}?"
        r"(?:mistake|error|wrongly|incorrect\w*|false positive|ten onrechte|onterecht|vergissing|fout"
        r"|onjuist|irrtum|fehler|zu unrecht|falschlich|erreur|a tort)\b"
    ),
    (
        r"\b(?:received|ontvangen|erhalten|recu) (?:this|dit|deze|diese|cet?)? ?(?:e-?mail|message|bericht"
        r"|mail|nachricht|courriel)? ?(?:in|by|per|ten|par) (?:error|mistake|ongeluk|abuis|onrechte"
        r"|erreur)\b"
    ),
    r"\b(?:irrtumlich|versehentlich|ten onrechte|per abuis|abusievelijk) (?:erhalten|ontvangen)\b",
    # confirm that it is done
    (
        r"\b(?:confirm|inform us|notify us|tell us|report back|bevestig\w*|bestatig\w*"
        r"|confirm\w*) (?:to us |ons |uns |nous )?(?:that|when|once|as soon as|after|dat|zodra|wanneer"
        r"|dass|sobald|wenn|que|lorsque|des que) (?:[^\W_]+[ ',]{1,3}){0,10}?"
        r"(?:removed|deleted|offline|taken down|inaccessible|disabled|verwijderd|ontoegankelijk|entfernt"
        r"|geloscht|gesperrt|supprimes?|retires?|no longer (?:available|accessible|online|reachable))\b"
    ),
    (
        r"\bnot (?:delete|remove|destroy|erase|alter|change) (?:the |any |your |these |those )?(?:server "
        r"|access |ip )?(?:log ?files?|logs|evidence|records?|data)\b"
        r"|\b(?:log ?bestanden|log ?dateien|protokolle|logs|bewijs\w*|beweise) niet (?:te )?(?:verwijderen"
        r"|wissen|vernietigen)\b"
        r"|\b(?:log ?dateien|protokolle|logs|beweise) nicht (?:zu )?(?:loschen|entfernen|vernichten)\b"
    ),
    r"\bno(?:t)? (?:be )?(?:liable|liability)\b",
    (
        r"\bnot (?:been )?authori[sz]ed by\b|\b(?:is|are) not (?:permitted|allowed) by\b"
        r"|\bnothing in this (?:letter|notice|e-?mail|mail|message) (?:shall|is|should|can)\b"
    ),
)
"""What ordinary orders say, and is no cue: only these words are taken out, and the rest of the sentence is read."""
