package demo

var firstNames = []string{
	"Ada", "Amir", "Anna", "Bilal", "Carla", "Chen", "Daria", "David", "Elif", "Emma", "Farid", "Grace", "Hana", "Hugo", "Ines", "Ivan",
	"Jana", "Jonas", "Kai", "Lara", "Leo", "Lina", "Malik", "Maria", "Mateo", "Mei", "Nadia", "Noah", "Olga", "Omar", "Paula", "Priya",
	"Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Theo", "Uma", "Vera", "Wei", "Yara", "Yusuf", "Zoe",
}

var lastNames = []string{
	"Adler", "Almeida", "Bakker", "Bauer", "Costa", "Dubois", "Ekberg", "Fischer", "Garcia", "Haddad", "Hansen", "Ito", "Jansen", "Kaya",
	"Keller", "Kowalski", "Larsen", "Lehmann", "Lopez", "Martin", "Meyer", "Moreau", "Nagy", "Novak", "Okafor", "Olsen", "Papadakis",
	"Patel", "Popescu", "Ricci", "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Tanaka", "Toth", "Varga", "Weber", "Yilmaz", "Zhang",
}

var cities = []string{
	"Berlin, Germany", "Hamburg, Germany", "Munich, Germany", "Vienna, Austria", "Zurich, Switzerland", "Paris, France", "Lyon, France",
	"Madrid, Spain", "Valencia, Spain", "Lisbon, Portugal", "Milan, Italy", "Rome, Italy", "Amsterdam, Netherlands", "Brussels, Belgium",
	"Copenhagen, Denmark", "Stockholm, Sweden", "Oslo, Norway", "Warsaw, Poland", "Prague, Czechia", "Budapest, Hungary", "Athens, Greece",
}

var adjectives = []string{"Classic", "Compact", "Everyday", "Light", "Modern", "Nordic", "Outdoor", "Premium", "Quiet", "Solid", "Studio", "Urban"}

// categories have prices from and to, in whole currency units.
var categories = []struct {
	name     string
	from, to int
	things   []string
}{
	{"kitchen", 8, 180, []string{"Kettle", "Pan", "Knife Set", "Coffee Grinder", "Bread Box", "Cutting Board"}},
	{"office", 4, 420, []string{"Desk Lamp", "Chair", "Notebook", "Monitor Stand", "Pen Set", "Desk"}},
	{"garden", 6, 260, []string{"Hose", "Rake", "Planter", "Parasol", "Bench", "Lantern"}},
	{"sport", 9, 340, []string{"Yoga Mat", "Dumbbells", "Tent", "Backpack", "Bicycle Helmet", "Running Belt"}},
	{"audio", 19, 620, []string{"Headphones", "Speaker", "Turntable", "Radio", "Microphone", "Sound Bar"}},
	{"home", 5, 290, []string{"Blanket", "Mirror", "Candle", "Shelf", "Rug", "Clock"}},
}
