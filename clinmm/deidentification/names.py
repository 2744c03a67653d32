"""Common given names and family names of many languages, without those that are also words.

They serve one rule only: a name of this list beside another capitalised word. Names that are
also English, anatomical or eponymous words (Grace, Iris, Parkinson) are left out on purpose.
"""

GIVEN = frozenset(
    """
    aaliyah aaron abdul abdullah abigail abdallah adam adele adrian adriana agnes agnieszka ahmad
    ahmed aiko aisha akira alain alan alba alberto alejandra alejandro aleksandr alessandro
    alessandra alex alexander alexandra alexei alfonso alfred ali alice alicia alina alison amanda
    amara amelia amina amir amit amy ana anastasia anders andrea andreas andrei andrew andrzej
    angela anil anita anjali anna anne annette annika anthony antoine antonio anton anya arjun
    arthur asha ashley astrid audrey ayesha aylin barbara beatrice beatriz benjamin bernard
    bernadette beth betty bianca bogdan boris brandon brenda brian bruno camila camille carla
    carlos carmen caroline catherine cecilia charlotte charles chidi chinedu chloe christian
    christina christine christopher chukwuemeka claire clara claudia claus colin connor cristina
    cynthia daisuke daniel daniela danielle david deborah deepak deepika denise dennis derek
    diana diane diego dimitri dmitri dominique donald donna dorothy douglas eduardo edward edwin
    eileen ekaterina elena eleanor elisa elisabeth elizabeth ella ellen emeka emily emilia emma
    enrique eric erik erika ernesto esther ethan eugene eva evelyn fabio farah farid fatima
    fatoumata federico felipe fernando fiona florian frances francesca francesco francisco francois
    françois frederik gabriel gabriela gareth george gerald gerhard gertrude giovanni
    giulia giuseppe gloria gonzalo gordon greta gregory guadalupe guillermo gunther gustavo habib
    hana hannah hans haruki haruto hassan heinrich helen helena helga henrik henry hiroshi hiroto
    hussein ibrahim ignacio igor ikram imran ines ingrid irina isaac isabel isabella ivan ivana
    jacek jacob jacqueline jakub jamal james jan jana jane janet janice jason javier jean jeffrey
    jennifer jeremy jerome jessica jesús jia joan joanna joao joão joaquin johan johanna johannes
    john johnny jonathan jorge jose josé joseph josephine joshua joyce juan juana judith julia
    julian julie julio jurgen jürgen justin kamal karen karim karin karl katarzyna kate katerina
    katherine kathleen kavita kazuki keiko keith kelly kenji kenneth kevin khadija khalid kimberly
    klaus kofi krishna kristen kristina krzysztof kumar kwame kyle lakshmi lara lars laura lauren
    laurent leila leonardo leila leticia liam lidia linda lisa lorenzo louise lucas lucia lucy luis
    luisa lukas maciej magdalena mahmoud maja malik manuel marcel marcelo marco marek margaret
    maria mariam mariana marie marija marina mario marta martha martin martina mary masahiro mateo
    mathieu matteo matthew maureen mauricio megan mehmet mei melanie melissa mercedes michael
    michel michelle miguel mikhail milan milos ming miriam mohamed mohammad mohammed monica monika
    monique moses muhammad mustafa nadia nancy naomi natalia natalie nathan neha nguyen nicholas
    nicola nicole nigel nikhil nikolai nina noah nora norbert norman nuno oksana olabisi olga
    oliver olivia oluwaseun omar oscar otto pablo paolo pamela patricia patrick paul paula paulo
    pavel pedro peter petra philip philippe phillip pierre piotr priya priyanka rachel rafael rahul
    raj rajesh ramesh ramon raquel rania rashid raul ravi rebecca regina renata rene ricardo
    richard rita robert roberto rodrigo roger roland ronald rosa rosario ruth ryan saeed sakura
    salma samantha samir samuel sandra sanjay sara sarah satoshi sebastian sergei sergey
    sergio shanice sharon shirley simon simone sofia sophia sophie stefan stefano stella stephanie
    stephen steven stuart sunil sunita susan susanne suzanne svetlana sven sylvia takashi tamara
    tariq tatiana tatyana teresa thandiwe theresa thomas tiffany timothy tomas tomasz tracy tyler
    ursula valentina valerie vanessa vera veronica victor vijay vikram vincent vincenzo
    vladimir walter wei wendy wilhelm william wojciech wolfgang xavier xiaoming xin yan
    yasmin yasuko yolanda youssef yuki yusuf yvonne zainab zeynep zofia
    """.split()  # noqa: SIM905
)

FAMILY = frozenset(
    """
    abdi abdullah abubakar acheampong acosta adebayo adeyemi agarwal aguilar ahmed akhtar alvarez
    andersen anderson andersson andrade antonov aquino arslan asante baek banerjee baptiste
    barbieri bauer becker begum bernstein bhatt bianchi bondarenko boateng campbell carvalho
    castillo castro cerny chakraborty chang chaudhry chavez chavarria cheng chowdhury christensen
    cohen colombo conti cooper costa cruz cunningham da-silva delgado demir desai diallo diaz díaz
    dimitrov dlamini dubois dupont eriksson espinoza esposito evans fernandes fernandez fernández
    ferrari ferreira fischer fitzgerald flores fontaine fofana fujimoto fujita garcia garcía
    gallagher ghosh gomes gomez gómez gonzales gonzalez gonzález goldberg gonçalves greenberg
    gruber guerrero gupta gutierrez haddad hakimi hansen hashimoto hassan hernandez hernández
    herrera hoffmann horvat horvath hosseini huang hussain hussein ibrahim ito ivanov ivanova
    jackson jansen jensen jimenez johansson johnson jovanovic joshi kamara kapoor kaplan kaya
    kelly kennedy khan khoury kim kimura kobayashi koch kovac kovacs kowalski kozlov krause kumar
    kuznetsov lefebvre leroy lopez lópez lindqvist ludwig macdonald mahmoud malhotra marino
    martinez martínez martin matsumoto mbeki mccarthy mehta mendes mendoza menon meyer miller
    mitchell mohamed mohammed molina morales moreau moreno morozov mueller mukherjee müller
    murphy mwangi nakamura nair nasser navarro ndiaye nel nguyen nielsen nikolaidis novak
    nowak o'brien o'connor obi ochoa okafor okeke okonkwo olsen onyango ortega ortiz osman
    ouedraogo owusu papadopoulos park patel patil pereira perez pérez petersen petrov petrova
    pham popescu popov qureshi rahman ramirez ramírez ramos rao rasmussen reddy reyes ribeiro
    ricci richter rivera roberts robinson rodrigues rodriguez rodríguez rojas romano romero rossi
    rousseau ruiz russo sahin saito salazar saleh sanchez sánchez santos sasaki sato schmid
    schmidt schneider schroeder schulz schwartz sharma shapiro shevchenko sharif siddiqui silva
    singh smirnov sokolov soto souza stewart suleiman sullivan suzuki svensson takahashi tanaka
    tesfaye thomas thompson torres traore tran tremblay tshabalala turner usman valdez van-dijk
    vargas vasquez vega velasco vogel volkov wagner walker wang watanabe weber williams wójcik
    wong wright wu xu yamada yamamoto yang yildiz yilmaz yoshida zhang zhao zheng zhou zhu
    zimmermann smith jones davis taylor moore lewis harris clarke morgan edwards hughes
    """.split()  # noqa: SIM905
)
