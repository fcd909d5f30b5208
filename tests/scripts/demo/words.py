"""Words of the bundled demo: value pools for its rows, and a letter model that makes up words for the base's corpus."""

ADJECTIVES = """amber ancient blue brass bright broad brown calm cedar central chilly copper coral cosy crimson dark deep dim distant dusty
eastern empty faded first fresh front frosty gentle gilded glass golden grand granite green grey hidden high hollow humble inner ivory jade
large lavender lemon light little lofty lower marble maroon mellow mild misty modern narrow new noble northern oaken old olive open orange
outer pale pearl pink plain polished proud purple quiet rear red round royal ruby rustic sandy scarlet second shady silent silver small
smoky snowy soft southern spare spotted square stone striped sunny tall third tidy tiny upper velvet violet warm western white wide wild
wooden yellow""".split()

ROOMS = """attic alcove annex atrium balcony barn basement bathroom bedroom cabin cellar chamber chapel closet conservatory corridor cottage den
foyer gallery garage gym hall hallway kitchen laundry library lobby loft lounge nursery office pantry parlour playroom porch sauna shed
studio study sunroom vault veranda workshop""".split()

ANIMALS = """badger bear beaver bison buffalo camel crane cricket crow deer dolphin donkey dove dragon duck eagle falcon ferret finch fox frog gecko
goose hare hawk hedgehog heron horse ibis jackal kestrel lark lemur leopard lion lizard llama lobster lynx magpie marten mole moose mule
newt otter owl ox panther parrot peacock pelican penguin pheasant pigeon pike puffin quail rabbit raven robin salmon seal sparrow spider
squid stag stork swan swallow tiger toad trout turtle viper walrus weasel whale wolf wren zebra""".split()

GROCERIES = """almonds anchovies apples apricots asparagus bacon bagels bananas barley basil batteries beans beetroot biscuits bread broccoli bulbs butter
cabbage candles carrots cashews celery cereal cheese cherries chestnuts chickpeas chilli chives chocolate cider cinnamon cloves coconut
coffee cookies corn couscous crackers cream cucumbers currants dates dill eggs envelopes fennel figs flour foil garlic ginger gloves
grapes ham hazelnuts honey hummus jam juice kale ketchup leeks lemonade lentils lettuce limes mackerel mangoes margarine matches melons
milk mint muesli mushrooms mustard napkins needles noodles nutmeg oatmeal onions oregano pancakes paprika parsley pasta peaches peanuts
pears peas pepper pickles pineapple plums porridge potatoes pretzels prunes pumpkin radishes raisins raspberries rhubarb rice rosemary
saffron sage salad salt sardines sausages scones shampoo soap soup spinach sponges string sugar syrup tape tea thyme tofu tomatoes towels
tuna turnips vanilla vinegar walnuts wine yeast yoghurt""".split()

NAMES = """Aaron Ada Agnes Alba Alice Amir Amos Anders Anton Astrid Basil Bela Bianca Boris Bruno Carla Cedric Clara Conrad Cora Cyrus Dalia Daphne Dario
Della Diego Edith Edgar Elif Elmar Elsa Emil Enzo Erik Esther Fabian Farah Felix Fergus Fiona Flora Frida Gavin Gemma Gerda Gideon
Greta Gustav Hanna Harriet Hector Helga Henri Hilda Hugo Ida Ilse Imre Ingrid Irma Ivan Jakob Jana Jasper Jonas Judith Karim Karl
Katya Kira Klara Lars Laura Leif Lena Leon Lidia Linus Lorenz Lucia Ludwig Magda Malik Marco Mathilda Mika Milan Mira Moritz Nadia
Nils Nina Noah Nora Olaf Olga Omar Oskar Otto Paula Pedro Petra Philip Quentin Rafael Ramona Renata Rita Robert Rosa Rufus Runa
Samir Sanna Selma Sigrid Simon Sofia Stefan Sven Tamara Tariq Tessa Theo Tilda Tobias Ulla Ursula Vera Victor Viola Walter Wanda Werner
Willa Xavier Yara Yusuf Zelda Zora""".split()

STREETS = """Abbey Acorn Alder Anchor Apple Arch Ash Aspen Bakers Bank Barley Beech Bell Berry Birch Bishop Bloom Bridge Brook Candle Canal Castle
Cherry Church Cliff Clover Coach Corner Court Creek Cross Dale Dock Elder Elm Factory Farm Ferry Field Fir Fisher Flint Forest Forge Fort
Fountain Garden Gate Glen Grove Harbour Harvest Hazel Hill Holly Hunter Island Ivy Juniper King Lake Larch Lily Linden Lock Mason Maple
Market Meadow Mercer Mill Mint Monk Moor Moss Nettle Orchard Palace Park Pebble Pepper Pilot Pine Poplar Port Potter Priory Quarry Queen
Quince Railway Reed Ridge River Rose Rowan Sailor School Shore Smith Spring Spruce Station Sutton Swan Temple Thistle Tower Tulip Valley
Victoria Vine Wall Walnut Water Well Willow Windmill Yew""".split()

STREET_KINDS = "Street Road Lane Avenue Square Way".split()

MONTHS = "January February March April May June July August September October November December".split()

# Words that stand between values in a sentence; the base learns that values are what lies between them.
FILLERS = """a about after again all also am an and any are around as at be before begin begins between book by call can come cost could day days
degrees did do done down eat end ends every exactly far find for friday from get give go going got had has have heat her here him his
hour how i if in into is it just keep kilos know last later left let like list long make many me minutes monday more most much must my
need needs next now of off on once one only or our out over pack parcel people please post put reserve run set she shopping should some
soon spent start still swim table take tell than that the them then there these they things this through time to today tomorrow until
up us use want was we weigh weighs went were what when where which while who will wish with would you your""".split()


class LetterModel:
    """Makes up English-looking words: an order-2 letter chain over the pools above."""

    def __init__(self, words):
        self.next = {}
        for w in words:
            w = "^^" + w.lower() + "$"
            for i in range(2, len(w)):
                self.next.setdefault(w[i - 2 : i], []).append(w[i])

    def word(self, rng):
        while True:
            w = "^^"
            while (c := rng.choice(self.next[w[-2:]])) != "$" and len(w) < 13:
                w += c
            w = w[2:]
            if 3 <= len(w) <= 9 and w not in FILLER_SET:
                return w


FILLER_SET = set(FILLERS)
LETTERS = LetterModel(ADJECTIVES + ROOMS + ANIMALS + GROCERIES + NAMES + STREETS)
