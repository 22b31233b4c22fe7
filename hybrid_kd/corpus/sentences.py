"""Sentences of the embedded corpus: commands and statements from a grammar over some five hundred words.

Words that compete for a slot are near in sound (PEN TEN, COAT BOAT GOAT, FIFTEEN FIFTY, SUNDAY MONDAY), so
that a language model helps less than an acoustic one.
"""

import re
from collections.abc import Collection

import numpy as np

from hybrid_kd.seeds import numpy_generator

SLOTS = {
    "thing": """
        BAG RAG FLAG TAG BAT CAT HAT MAT RAT CAP MAP TAP BED SHED SLED BELL SHELL WELL SMELL BIN PIN TIN FIN
        CHIN BOAT COAT GOAT NOTE VOTE BOOK COOK HOOK BROOK BOX FOX LOCK CLOCK ROCK SOCK DOCK BALL WALL HALL
        DOLL CAKE LAKE SNAKE RAKE CAR JAR STAR BAR CHAIR BEAR PEAR HARE DOG LOG FROG DOOR FLOOR STORE DUCK
        TRUCK TRUNK BUCKET ROCKET POCKET JACKET PACKET FISH DISH GATE PLATE SKATE GRAPE HOUSE MOUSE MOUTH
        KING RING SWING WING LAMP STAMP CAMP LETTER LADDER LEATHER FEATHER MOON SPOON BROOM ROOM NURSE PURSE
        HORSE PEN HEN PIG WIG FIG RAIN TRAIN PLANE CHAIN CRANE ROSE NOSE HOSE SHEEP SHIP JEEP CHIP SINK DRINK
        SOAP ROPE TREE BEE KEY KNEE CROWN CLOWN VAN FAN PAN CAN WHEEL SEAL MEAL MILK SILK SAND HAND BAND
        TOY BOY COIN OIL MEASURE TREASURE TABLE CABLE LABEL BOTTLE BATTLE PADDLE CANDLE HANDLE
        SADDLE BUTTON KITTEN CURTAIN BASKET BLANKET""",
    "quality": """
        RED BLACK WHITE BROWN GREEN GREY BLUE OLD COLD GOLD TALL SMALL THIN THICK QUICK SLOW LOW NEW FULL
        DULL WET DRY HIGH NICE KIND LIGHT BRIGHT TIGHT WARM SOFT LOUD PROUD SAD MAD BAD GLAD FAT FLAT DARK
        SHARP ROUND BROKEN WOODEN GOLDEN HIDDEN DIRTY EMPTY HEAVY PRETTY SILVER YELLOW HOLLOW""",
    "did": """
        FOUND BOUGHT BROUGHT CAUGHT TOOK SHOOK TOLD SOLD HELD HID HIT BIT LOST CROSSED TOSSED KEPT LEFT MET
        SAW DREW THREW KNEW SENT BENT LENT PAINTED WANTED NEEDED HEATED MOVED LOVED WASHED WATCHED
        MATCHED PUSHED PULLED FILLED CALLED FED LED MADE PAID PLAYED LIFTED SHIFTED""",
    "where": "NEAR BEHIND UNDER OVER ABOVE BY BESIDE WITH BEFORE ON IN INTO ONTO UPON ACROSS ALONG",
    "name": """
        ANN DAN JAN STAN JOHN DON RON SEAN MARY LARRY HARRY BARRY TERRY JERRY KERRY PETER RITA BILL PHIL JILL
        NELL TED NED FRED JACK MACK ZACK KATE TOM TIM KIM JIM PAM SAM PAUL SAUL BEN KEN GWEN JANE WAYNE SHANE
        DAVE MIKE LEE""",
    "digit": "ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE",
    "teen": "TEN ELEVEN TWELVE THIRTEEN FOURTEEN FIFTEEN SIXTEEN SEVENTEEN EIGHTEEN NINETEEN",
    "tens": "TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY",
    "day": "MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY SUNDAY",
    "month": """
        JANUARY FEBRUARY MARCH APRIL MAY JUNE JULY AUGUST SEPTEMBER OCTOBER NOVEMBER DECEMBER""",
    "device": """
        LIGHT RADIO HEATER HEATING FAN OVEN ALARM MUSIC CAMERA SPEAKER COMPUTER PRINTER KETTLE BOILER COOLER
        SCREEN STREAM BLIND BLENDER""",
    "place": """
        KITCHEN BEDROOM BATHROOM HALL GARAGE GARDEN OFFICE CELLAR ATTIC STATION MARKET PARK POOL SCHOOL CHURCH
        TOWER LIBRARY BRIDGE BEACH BANK BARN FARM""",
    "goods": """
        APPLES PEARS PLUMS BEANS PEAS CHEESE BREAD BUTTER BATTER WATER RICE SPICE ICE SALT MALT TEA COFFEE
        TOFFEE MEAT WHEAT NUTS CUTS CARROTS PARROTS POTATOES TOMATOES ONIONS LEMONS MELONS""",
    "street": "OAK ASH ELM PINE LIME MAIN MILL HILL WEST EAST NORTH SOUTH BROAD LONG GRAND GREEN LAKE",
    "act": "TAKE BRING SEND LEND GIVE SHOW THROW SELL TELL PASS",
    "state": "ON OFF UP DOWN",
    "unit": "POUNDS BOXES BAGS TINS BOTTLES PACKETS",
    "way": "ROAD STREET LANE DRIVE",
}  # fmt: skip

TEMPLATES = (
    (10, "THE {quality} {thing} {did} THE {thing}"),
    (12, "{name} {did} A {quality} {thing}"),
    (8, "{name} {did} THE {thing} {where} THE {place}"),
    (6, "PUT THE {quality} {thing} {where} THE {thing}"),
    (6, "{act} {name} THE {thing} AND THE {thing}"),
    (4, "TURN {state} THE {device} IN THE {place}"),
    (4, "BUY {teen} {unit} OF {goods} AND {goods}"),
    (4, "BUY {tens} {digit} {unit} OF {goods}"),
    (4, "CALL {name} AT {digit} {digit} {digit}"),
    (4, "MEET {name} ON {day} AT {teen} {tens}"),
    (4, "{name} LIVES AT {tens} {digit} {street} {way}"),
    (4, "GO TO {street} {way} ON {day}"),
    (3, "THE {thing} WAS {where} THE {place} IN {month}"),
    (6, "{name} AND {name} {did} THE {goods}"),
    (4, "{act} THE {goods} TO {name}"),
)  # relative frequency and pattern

SLOT = re.compile(r"\{(\w+)\}")


def vocabulary() -> list[str]:
    """Every word of the grammar, sorted."""
    fixed = [word for _, template in TEMPLATES for word in template.split() if not SLOT.fullmatch(word)]
    return sorted({*fixed, *(word for words in SLOTS.values() for word in words.split())})


def draw_sentences(seed: int, purpose: str, count: int, *, exclude: Collection[str] = ()) -> list[str]:
    """Draw ``count`` sentences that are all different, and none of them in ``exclude``."""
    generator = numpy_generator(seed, purpose)
    weights = np.array([weight for weight, _ in TEMPLATES], float)
    slots = {name: words.split() for name, words in SLOTS.items()}
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        _, template = TEMPLATES[generator.choice(len(TEMPLATES), p=weights / weights.sum())]
        sentence = SLOT.sub(lambda slot: slots[slot[1]][generator.integers(len(slots[slot[1]]))], template)
        if sentence not in exclude:
            drawn[sentence] = None
    return list(drawn)
