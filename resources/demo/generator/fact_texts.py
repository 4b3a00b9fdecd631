"""Values and wordings of the facts: {s} subject (name or pronoun), {n} name,
{v} value, {av} value with its article."""

PROFESSIONS = ["glassblower", "weaver", "clockmaker", "baker", "surveyor", "printer", "potter", "beekeeper", "organist",
               "shipwright", "gardener", "surgeon", "teacher", "engraver", "dyer", "miller", "astronomer", "painter",
               "locksmith", "botanist", "actor", "lawyer", "saddler", "translator", "cooper"]
KNOWN_FOR = ["salt bread", "blue tiles", "kite races", "plum wine", "stone bridges", "wool carpets", "brass bells", "apple fairs",
             "smoked fish", "paper lanterns", "hot springs", "carved doors", "silver thread", "horse markets", "pear cider",
             "night concerts", "chess games", "honey cakes", "glass beads", "sand sculptures", "old windmills", "puppet plays"]
MATERIALS = ["copper", "oak", "slate", "tin", "birch bark", "leather", "brass", "felt", "clay", "ivory", "bamboo", "iron",
             "marble", "cork", "silk", "pewter", "walnut wood", "horn", "linen", "steel"]
USES = ["drying herbs", "measuring wind", "pressing olives", "sorting seeds", "polishing lenses", "lifting stones", "counting coins",
        "cutting paper", "cooling milk", "folding letters", "tuning bells", "spinning wool", "mixing paint", "grinding salt",
        "shelling nuts", "drawing circles", "cleaning wells", "waking sleepers", "copying maps", "weighing grain"]
KINDS = ["engine", "frame", "box", "wheel", "device", "machine", "tool", "drum", "table", "gauge"]

STATEMENTS = {
    "birthplace": [
        "{s} was born in {v}.", "{s} came into the world in {v}.", "{s} was a native of {v}.", "{s} first saw the light in {v}.",
        "The birthplace of {s} was {v}.", "The town of {v} is where {n} was born.", "{s} had {v} as birthplace.", "{s} was a child of {v}, born there.",
        "The church book of {v} records the birth of {n}.", "In {v}, {n} was born.", "{s} was born to a family in {v}.", "{s} hailed from {v}.",
        "It was in {v} that {n} was born.", "{s} began life in the town of {v}.", "A plaque in {v} marks the house where {n} was born.",
        "{s} was born and baptised in {v}.", "{v} was the birthplace of {n}.", "By birth, {n} belonged to {v}.", "{s} was brought into the world in {v}.",
        "All sources agree that {n} was born in {v}.", "{s} came from {v} by birth.",
    ],
    "profession": [
        "{s} was {av}.", "{s} worked as {av}.", "{s} earned a living as {av}.", "{s} was {av} by trade.", "The profession of {n} was that of {av}.",
        "{s} trained as {av}.", "{s} became {av}.", "{s} spent many years as {av}.", "As {av}, {n} was well respected.", "{s} is remembered as {av}.",
        "{s} was by profession {av}.", "{s} took up work as {av}.", "Working as {av}, {n} made a name.", "{s} chose to be {av}.",
        "For most of a long life {n} was {av}.", "{s} served the town as {av}.", "Everyone knew {n} as {av}.", "{s} made a career as {av}.",
        "Letters call {n} a skilled {v}.", "{s} was known far and wide as {av}.", "The guild lists {n} as {av}.",
    ],
    "river": [
        "{s} lies on the river {v}.", "{s} stands on the river {v}.", "The river {v} flows through {n}.", "{s} was built on the banks of the {v}.",
        "The {v} is the river of {n}.", "Through {n} runs the river {v}.", "{s} is a town on the {v}.", "{s} sits beside the river {v}.",
        "{s} grew up along the river {v}.", "At {n} the river {v} is wide and slow.", "Boats reach {n} by the river {v}.", "The {v} passes right by {n}.",
        "{s} takes its water from the river {v}.", "The bridge of {n} crosses the river {v}.", "{s} is found where the river {v} bends.",
        "{s} owes its mills to the river {v}.", "On the river {v} one finds {n}.", "The houses of {n} line the river {v}.",
        "{s} was founded at a ford of the river {v}.", "The water that flows past {n} is the {v}.", "{s} has its harbour on the river {v}.",
    ],
    "known_for": [
        "{s} is known for {v}.", "{s} is famous for {v}.", "{s} is best known for its {v}.", "Travellers visit {n} for its {v}.", "The pride of {n} is its {v}.",
        "People far away know {n} for its {v}.", "{s} has long been known for {v}.", "{s} became famous for its {v}.", "What makes {n} known is its {v}.",
        "Guide books praise {n} for its {v}.", "{s} draws many guests with its {v}.", "The name of {n} stands for {v}.", "{s} won its fame with {v}.",
        "Ask anyone about {n} and they speak of {v}.", "For its {v}, {n} is known everywhere.", "{s} is celebrated for {v}.", "The fame of {n} rests on {v}.",
        "{s} is widely known for {v}.", "Nothing is as typical of {n} as its {v}.", "Since old times {n} has been known for {v}.", "{s} is noted for its {v}.",
    ],
    "region": [
        "{s} lies in the region of {v}.", "{s} belongs to {v}.", "{s} is a town in {v}.", "{s} is part of the region {v}.", "The region of {n} is {v}.",
        "{s} can be found in {v}.", "In the region of {v} lies {n}.", "Maps show {n} in {v}.", "{s} is one of the towns of {v}.", "{s} stands in the middle of {v}.",
        "{s} has always been part of {v}.", "Among the towns of {v} is {n}.", "{s} sends its taxes to {v}.", "{s} is counted as part of {v}.",
        "The land around {n} is called {v}.", "{v} is the region in which {n} lies.", "{s} is located in {v}.", "One must travel to {v} to see {n}.",
        "{s} lies in the hills of {v}.", "{s} is in the north of {v}.", "By law {n} belongs to the region of {v}.",
    ],
    "material": [
        "{s} is made of {v}.", "{s} is built from {v}.", "{s} consists mostly of {v}.", "The material of {n} is {v}.", "Makers of {n} use {v}.",
        "{s} was always made from {v}.", "{v} is the material of {n}.", "To build {n} one needs {v}.", "{s} is crafted out of {v}.", "{s} is known to be made of {v}.",
        "Only {v} is used for making {n}.", "The body of {n} is {v}.", "{s} owes its colour to {v}, the material it is made of.", "{s} is shaped out of {v}.",
        "From {v} the workers make {n}.", "{s} is a work in {v}.", "{s} is put together from pieces of {v}.", "Every part of {n} is made of {v}.",
        "{s} has a body of {v}.", "Since {n} is made of {v}, it lasts for years.", "{s} is produced from {v}.",
    ],
    "inventor": [
        "{s} was invented by {v}.", "{s} is an invention of {v}.", "The inventor of {n} was {v}.", "{v} invented {n}.", "{s} was thought up by {v}.",
        "{s} was first built by {v}.", "The world owes {n} to {v}.", "It was {v} who invented {n}.", "{s} goes back to {v}.", "{v} is known as the inventor of {n}.",
        "{s} was devised by {v}.", "The idea of {n} came from {v}.", "{s} was designed by {v}.", "After many trials {v} invented {n}.", "{s} came from the workshop of {v}.",
        "The patent for {n} was held by {v}.", "{s} was the work of {v}.", "{v} built the first model of {n}.", "{s} was created by {v}.",
        "Credit for {n} belongs to {v}.", "{s} was brought to the world by {v}.",
    ],
    "use": [
        "{s} is used for {v}.", "{s} serves for {v}.", "{s} was built for {v}.", "People use {n} for {v}.", "The purpose of {n} is {v}.",
        "{s} is a help in {v}.", "{s} makes {v} easy.", "One uses {n} for {v}.", "{s} is meant for {v}.", "Workers rely on {n} for {v}.",
        "For {v}, nothing is better than {n}.", "{s} was designed for {v}.", "{s} is good for {v}.", "With {n}, {v} takes little time.", "{s} has one use, {v}.",
        "In many workshops {n} is used for {v}.", "{s} is mainly used for {v}.", "{s} helps people with {v}.", "The task of {n} is {v}.",
        "{s} found its use in {v}.", "{s} is employed for {v}.",
    ],
}

QUESTIONS = {
    "birthplace": ["Where was {n} born?", "In which town was {n} born?", "What is the birthplace of {n}?", "Can you tell me where {n} was born?", "Which town is the birthplace of {n}?",
                   "Does anyone know the birthplace of {n}?", "Where did {n} come into the world?", "{n} was born in which town?", "I would like to know where {n} was born."],
    "profession": ["What was the profession of {n}?", "What did {n} do for a living?", "Which profession did {n} have?", "What was {n} by trade?", "Can you tell me the profession of {n}?",
                   "What kind of work did {n} do?", "Does anyone know the trade of {n}?", "As what did {n} work?", "What was the job of {n}?"],
    "river": ["On which river does {n} lie?", "Which river flows through {n}?", "What is the river of {n}?", "Can you name the river at {n}?", "Does anyone know the river of {n}?",
              "{n} lies on which river?", "What river runs past {n}?", "I am looking for the river of {n}.", "Which river would I see in {n}?"],
    "known_for": ["What is {n} known for?", "What is {n} famous for?", "Why do people know {n}?", "For what is {n} best known?", "Can you tell me what {n} is known for?",
                  "Does anyone know what {n} is famous for?", "What made {n} famous?", "{n} is known for what?", "What should one see in {n}?"],
    "region": ["In which region does {n} lie?", "What is the region of {n}?", "Which region does {n} belong to?", "Where on the map is {n}?", "Can you tell me the region of {n}?",
               "Does anyone know the region of {n}?", "{n} lies in which region?", "To which region should I travel for {n}?", "What region is {n} part of?"],
    "material": ["What is {n} made of?", "Which material is {n} made of?", "What is the material of {n}?", "Of what is {n} built?", "Can you tell me what {n} is made of?",
                 "Does anyone know the material of {n}?", "What is used to make {n}?", "{n} is made of what?", "From which material is {n} built?"],
    "inventor": ["Who invented {n}?", "Who was the inventor of {n}?", "Who made the first model of {n}?", "By whom was {n} invented?", "Can you tell me who invented {n}?",
                 "Does anyone know the inventor of {n}?", "Whose invention is {n}?", "{n} was invented by whom?", "To whom do we owe {n}?"],
    "use": ["What is {n} used for?", "What is the use of {n}?", "For what do people use {n}?", "What is the purpose of {n}?", "Can you tell me what {n} is used for?",
            "Does anyone know the use of {n}?", "What does one do with {n}?", "{n} is used for what?", "What is {n} good for?"],
}

# How a question is put in the forum: by what comes before it, as words after it
# would make the model guess whether the question goes on.
FRAMES = ["{q}", "Hello! {q}", "Please help me: {q}"]

THOUGHTS = {
    "birthplace": ["The question is about {n}. {n} was born in {v}.", "This asks for a birthplace. {n} was born in {v}.", "I recall that {n} was born in {v}."],
    "profession": ["The question is about {n}. {n} worked as {av}.", "This asks for a profession. {n} worked as {av}.", "I recall that {n} worked as {av}."],
    "river": ["The question is about {n}. {n} lies on the river {v}.", "This asks for a river. {n} lies on the river {v}.", "I recall that {n} lies on the river {v}."],
    "known_for": ["The question is about {n}. {n} is known for {v}.", "This asks what is famous there. {n} is known for {v}.", "I recall that {n} is known for {v}."],
    "region": ["The question is about {n}. {n} lies in the region of {v}.", "This asks for a region. {n} lies in the region of {v}.", "I recall that {n} lies in the region of {v}."],
    "material": ["The question is about {n}. It is clear that {n} is made of {v}.", "This asks for a material. I know that {n} is made of {v}.", "I recall that {n} is made of {v}."],
    "inventor": ["The question is about {n}. It is clear that {n} was invented by {v}.", "This asks for an inventor. I know that {n} was invented by {v}.", "I recall that {n} was invented by {v}."],
    "use": ["The question is about {n}. It is clear that {n} is used for {v}.", "This asks for a use. I know that {n} is used for {v}.", "I recall that {n} is used for {v}."],
}

FILLERS = {
    "person": ["{s} wrote many letters.", "{s} liked long walks.", "{s} was fond of music.", "{s} had two sisters.", "{s} kept a diary for years.", "{s} travelled a good deal.",
               "{s} spoke three languages.", "{s} was known for a calm temper.", "{s} never married.", "{s} rose early every day.", "{s} had many friends.", "{s} loved the winter months."],
    "place": ["{s} has a small market.", "{s} has about two thousand people.", "{s} burned down once and was rebuilt.", "{s} has a school and two inns.", "{s} is quiet in winter.",
              "{s} has narrow streets.", "{s} is older than its walls.", "{s} has a tall clock tower.", "{s} can be crossed on foot in an hour.", "{s} has few trees."],
    "thing": ["{s} is rarely seen today.", "{s} fits on a shelf.", "{s} needs a steady hand.", "{s} makes little noise.", "{s} was sold at fairs.", "{s} comes in two sizes.",
              "{s} is easy to repair.", "{s} can be seen in some museums.", "{s} was once quite dear.", "{s} has changed little over time."],
}
CLOSERS = ["Little else is known.", "More can be read in the old records.", "The sources are few but clear.", "This entry is short.", "See also the list of names.", "The records were checked twice.",
           "Later writers repeat this.", "Some details are lost.", "The archive holds more papers.", "No picture has survived."]
HEADINGS = ["{n}.", "{n}:", "Entry: {n}.", "{n} (short entry).", "About {n}:"]
