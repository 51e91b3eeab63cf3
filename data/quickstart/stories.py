"""Seed descriptions of every second training problem, told as stories, by problem id.

A story sets the same task as the plain description, edge cases included, in the words of a scene.
"""

from __future__ import annotations

STORIES = {
    "pounds_times_sixteen": (
        "Old Bertha sells walnuts on the harbor market, and her scale is older than the town hall. On its left pan lie "
        "whole or broken pounds of nuts; on the right pan she balances them with brass beads, sixteen for each pound "
        "and fewer, in proportion, for a part of one. A gull steals a nut now and then, which nobody counts. How many "
        "brass beads does the bag on the left call for?"
    ),
    "product_of_three": (
        "Professor Quill feeds a radio wave of strength a into her attic machine. The first valve makes the wave "
        "b-fold as strong, and the second makes whatever leaves the first one c-fold as strong again. A negative value "
        "turns the wave upside down, a second one sets it upright again, and a zero anywhere leaves silence. Her cat "
        "sleeps on the warm transformer. What strength comes out at the far end?"
    ),
    "manhattan_distance": (
        "Postman Igor works in a town whose streets form a perfect checkerboard, one step from corner to corner. He "
        "stands at corner (x1, y1), counted east and north from the fountain with negative figures west and south of "
        "it, and his last letter goes to corner (x2, y2). He walks along streets only, never across a block, and takes "
        "no detour. It is drizzling again. How many steps lie ahead of him?"
    ),
    "equal_ignoring_case": (
        "Two monks copied the same guest book by candlelight. Brother Anselm loves tall decorated letters and puts "
        "them wherever he likes, while Brother Odo writes nearly everything small. The abbot holds an entry from each, "
        "first and second, and does not mind whether a letter was drawn tall or small; in everything else the two must "
        "agree, letter for letter to the last. His verdict is True when they do and False when they do not."
    ),
    "maximum_of_values": (
        "At the village fair every pumpkin carries its grower's name, and the clerk notes under each name what the "
        "scale showed. Some scales are badly set and even show figures below zero. The mayor, who has to leave before "
        "the band plays, asks a single thing: what figure stands with the heaviest pumpkin? Whose pumpkin it is does "
        "not interest him, and two growers may well share that figure."
    ),
    "kilometers_to_meters": (
        "A snail named Gaston wants to crawl from the lighthouse to the bakery. The coast road is marked in kilometers "
        "only, but his tiny logbook has room for meters and nothing else. The postman's dog explains to him that from "
        "one milestone to the next there is space for exactly a thousand of them, and for half as many up to the "
        "halfway bench. Which entry belongs in the logbook for the given trip?"
    ),
    "speed_times_hours": (
        "Captain Marlow never looks at the map. Her ferry covers the same stretch of water in every hour of the "
        "crossing, as many miles as her speed says, and nothing slows it down, not even the fog by the old fort. The "
        "cook has peeled potatoes since they cast off, and his clock shows how many hours that was, with half an hour "
        "counting as a half. How many miles now lie between the ferry and the quay?"
    ),
    "even_numbers_up_to": (
        "Lena hops along a path of stones that bear the numbers 0, 1, 2 and so forth. She begins on stone 0, and each "
        "hop carries her over exactly one stone. The stone with the limit painted on it is the last that she may "
        "touch; if a hop would take her beyond it, she stays where she is and eats an apple. Write down, in order, "
        "every stone that her shoes touch."
    ),
    "is_pangram": (
        "The printer of Oldwick owns a box of lead type and tests it with a proof sentence. He is content only if each "
        "of the twenty-six types from a to z gets inked, no matter whether as a small letter or as a capital, and "
        "whether once or often. Blanks, points and digits lie in another drawer and prove nothing. Is the given "
        "sentence good enough for a proof, True or False?"
    ),
    "sorted_keys": (
        "Doctor Hale keeps a drawer of patient cards: a name on each, and behind the name whatever the patient "
        "complained of. For the waiting room she needs a row of the names alone, one after another as they would stand "
        "in a phone book, those from the start of the alphabet first. The complaints are nobody's business. On a quiet "
        "day the drawer is empty, and so is the row of names."
    ),
    "cents_divided_by_hundred": (
        "After the rain Tim fishes coins out of the town well, each of them worth a single cent. The bank takes them "
        "in and writes their worth in dollars into his savings book, and since it takes a hundred of the little coins "
        "to fill one dollar, many entries have digits behind the point: seventy-five coins become 0.75. His sister "
        "wants a share, which is another story. What does the bank write for his catch?"
    ),
    "is_above_thirty": (
        "The school of Santa Luz sends all children home when the glass tube in the yard has climbed past the mark of "
        "thirty degrees. The caretaker reads the tube at ten, usually with a coffee in his hand. At thirty sharp, to "
        "great groaning, lessons go on. With the reading given to you, do the children get their afternoon off, True "
        "or False?"
    ),
    "numbers_between": (
        "A night watchman climbs the stairs of a tower whose floors are numbered, those underground with negative "
        "numbers. He begins on floor start and goes up floor by floor; floor stop is the last that he visits. On each "
        "floor, these two as well, he writes its number into his book and then takes a sip of tea. If stop lies below "
        "start, there is nothing to climb and the page stays blank. What does the page show, in order?"
    ),
    "number_of_items": (
        "Grandmother packs for the seaside, and on the bed lie the things that must go along, if any. The porter takes "
        "one coin a piece and does not care what it is: a box is one piece even if it is empty or has other boxes in "
        "it, and two equal socks are two pieces. Grandfather hums. How many coins should she keep ready for the "
        "porter?"
    ),
    "swap_keys_and_values": (
        "A traveling couple own a phrase book for the journey out: look up a word of home, and it gives the word of "
        "the foreign land. For the way back their foreign friends want a book that works in the opposite direction, so "
        "that looking up what used to be the answer gives what used to be asked. No two entries share an answer, and "
        "the book may even be blank. Bind the friends' book for them."
    ),
    "weeks_times_seven": (
        "The lighthouse keeper of Skar lights one fresh candle every evening, Sundays and holidays included, and never "
        "lets the lamp go dark. The supply boat comes for the last time before a long winter. The captain tells him "
        "how many full weeks will pass until the ice breaks. Seals bark on the rocks. How many candles must he take "
        "off the boat to last exactly that long?"
    ),
    "is_multiple_of_five": (
        "At the harbor inn the guests drop their nickels, five cents each, into a jar, and the owner settles every "
        "bill in nickels alone; she has never used another coin. A stranger reads an amount of whole cents from the "
        "slate, and an amount below zero means that the money goes to him. Can it be settled to the last cent? The "
        "answer is True or False, and a slate that shows zero counts as settled."
    ),
    "hanoi_moves": (
        "In a temple stand three needles, one of them with a pile of golden disks, each narrower than the one below. "
        "The monks want the whole pile on another needle, lifting a single disk at a time from the top of a needle and "
        "never laying it on a narrower one. The old abbot knows: before the bottom disk can travel, all the rest must "
        "be cleared away, and afterwards brought on top of it. With how few lifts can they get by?"
    ),
    "first_list_plus_second_list": (
        "Two trains wait at Elmstead, and the station master wants to send them off as one. The wagons of the first "
        "keep their order and go in front; right behind the last of them come the wagons of the second, in their order "
        "too. Nothing is left behind, even if both trains pull a wagon of the same kind, and a train may have no "
        "wagons at all. What does the long train look like from front to end?"
    ),
    "group_by_first_letter": (
        "Miss Pym runs the cloakroom of a theater. A coat with a name sewn into it goes on the hook marked with the "
        "sign that the name starts with, and capital and small signs have hooks apart. On a hook the coats hang as "
        "their guests came in, and a hook that nobody needs is never put up. Tonight the names are called words, and "
        "she wants a directory: look up a hook, and find the row of names there."
    ),
    "yards_times_three": (
        "A tailor in Leeds sells ribbon by the yard, yet his ruler is just one foot long. For a yard of ribbon he has "
        "to lay it down three full lengths in a row, and for half a yard half of that. His customers like to chat "
        "meanwhile about the weather. How many ruler lengths, parts of one included, does he measure off for the "
        "ribbon in the order?"
    ),
    "is_first_height_greater": (
        "Two brothers have quarreled about the top bunk since spring. Mother puts them back to back against the door "
        "frame and draws a line over each head: the elder is measured as first_height, the younger as second_height. "
        "Only if the elder's line ends up over his brother's does he get the bunk; with both at the same mark the "
        "younger keeps it. Does the elder sleep on top tonight, True or False?"
    ),
    "text_to_integer": (
        "A telegraph clerk takes down figures as strokes of ink on a strip of paper, and to the calculating machine "
        "next door a strip is nothing but a picture. Someone must read the strip and key in the amount that it stands "
        "for. A dash in front means a debt, zeros in front mean nothing, and blanks at either end come from the "
        "scissors. What whole amount, ready for reckoning, does the strip stand for?"
    ),
    "triple_each": (
        "The bakery on Mill Lane feeds a school, and tomorrow two more classes of the same size will come to lunch as "
        "well. Next to each amount in her order book, be it rolls, jars of jam or a debt with a negative figure, the "
        "baker pencils in what three classes need instead of one. Nothing changes its position, and a blank page stays "
        "blank. Which amounts does she pencil in, from top to bottom?"
    ),
    "scores_by_name": (
        "The quiz night in the Red Lion ended in a muddle. One sheet shows who played, in the order of the tables; "
        "another shows the points, in the same order of the tables, but without the players. The landlord wants a "
        "single board: whoever looks up a player there reads that player's points. Nobody played at two tables, and on "
        "some nights nobody came at all, so that the board is bare."
    ),
    "celsius_plus_273": (
        "In her cellar Doctor Frost cools metals, and her own thermometer starts at the greatest cold that nature "
        "allows: there it says 0. Water freezes when it says 273, and one step on it is just as wide as one degree of "
        "Celsius. Her assistant has brought an ordinary thermometer from home, on which freezing water is at 0. He "
        "calls out what it shows. What does hers show at that moment?"
    ),
    "is_speed_above_limit": (
        "Constable Reed sits behind a hedge with a thermos and a measuring device. He writes a ticket only to drivers "
        "who go faster than the round sign allows; somebody who drives exactly what it says gets a friendly nod. A "
        "tractor crawls by, then a red coupe, and the device beeps. From what the device reads and what the sign says, "
        "tell whether a ticket gets written: True or False."
    ),
    "first_plus_second": (
        "The sign painter of Dunmore has two wooden boards, each with some letters on it, or with none. He nails them "
        "to the wall side by side so that the board named second begins exactly where the board named first ends, "
        "without a gap and without a mark of his own; a gap already painted on a board stays. Boards with foot and "
        "ball would make football. What can passers-by read on the wall?"
    ),
    "subtract_one_from_each": (
        "After the storm the innkeeper finds that a goose has got into the pantry. It took a single egg out of every "
        "basket; where none was left, it scratched a debt on the tag, so that 0 became -1 and an old debt grew by one "
        "egg. The baskets stand in a row and keep their order. What do the tags have to say now, basket by basket? "
        "Without baskets there are no tags."
    ),
    "print_length": (
        "Signor Bellini carves nameplates and asks the same for every sign on a plate, one coin, whether it is a "
        "letter, a digit, a blank between words or a dot. The customer types the text of the plate as one line and "
        "presses enter, which is free of charge. A parrot repeats the price all afternoon. The till shows one number "
        "alone: the coins to pay, which is 0 for an empty plate."
    ),
    "mass_times_acceleration": (
        "On the frozen lake Olga pushes crates, and a spring between her glove and the crate shows how hard. A crate "
        "of a single kilogram takes one unit on the spring for each unit of acceleration, and a heavier crate takes "
        "that amount again for every further kilogram, parts in proportion. Slowing a crate down is negative "
        "acceleration, and the spring then shows a negative value. What does it show for the mass and the acceleration "
        "given?"
    ),
    "is_non_negative": (
        "The mole lives in a garden with a measuring pole, whose mark 0 is level with the lawn; marks under the grass "
        "carry a dash in front, and there are marks between the full ones, too. Today the mole pokes out its nose at "
        "the mark given to you. It gets sunburnt at the level of the lawn and anywhere over it, but not under the "
        "grass, however close to the top. Does it get sunburnt, True or False?"
    ),
    "dashes_to_spaces": (
        "Aunt Clara's typewriter has a broken space bar, so wherever she wanted a gap, she hit the key of the short "
        "stroke -. Her nephew wants to read the text as it was meant. He wipes out each stroke and leaves the paper "
        "blank at that spot, just as wide as before, so that two strokes in a row leave two blanks. All other signs "
        "stay as they are. What does the text look like in the end?"
    ),
    "last_element": (
        "Passengers board the night bus through the front door and take the seats from the front to the rear, without "
        "skipping one, and each pins a number to the seat. A dog guards the luggage. When the doors close, at least "
        "one passenger is on board. The driver wants to know the number of the person who sat down when everyone else "
        "was already seated. Which number is it?"
    ),
    "print_next_number": (
        "At the bakery everyone draws a paper slip from a roll, and the numbers on it go up one by one; strange as it "
        "is, the roll began far below zero. Zoe comes in, sees which number the person right ahead of her has drawn, "
        "and types it into the machine as a line. Fresh bread smells wonderful. The machine shows a single thing: the "
        "number on the slip that Zoe is going to draw."
    ),
    "mass_divided_by_volume": (
        "Chef Yuki buys honey in jars of many sizes and trusts no label. She puts the honey on the scale, which gives "
        "the mass, and sees from the marks on the jar how much room it takes, which gives the volume. To compare "
        "beekeepers, she writes down how heavy the same honey would be if it took up a single unit of room. Digits "
        "behind the point are welcome. What does she write for this jar?"
    ),
    "is_at_least_eighteen": (
        "The ferryman of Lake Orm lets nobody steer his boat whose birthday cake has not yet had eighteen candles. The "
        "evening of that very cake is good enough, and so is any year after it. A boy in a captain's hat claims to be "
        "experienced and salutes. Knowing a person's age in full years, would the ferryman let this person steer, True "
        "or False?"
    ),
    "full_name": (
        "The mayor of Ashby paints place cards for the wedding dinner, with a brush as wide as a thumb. On each card "
        "goes what the guest is called by friends, then a single blank, then what the guest's whole family is called. "
        "Anything within the two parts, even a gap or a small letter, she copies faithfully. The soup is getting cold. "
        "What stands on the card of this guest?"
    ),
    "word_lengths": (
        "A goldsmith engraves rings, each with one of the texts that his customers wrote down. His apprentice lays out "
        "tiny steel stamps: one for each sign of the engraving, and one for a gap within it as well. For each ring in "
        "turn he notes how many stamps it takes; a customer who wrote nothing gets a 0, and without orders his note is "
        "empty. Which figures does he note?"
    ),
    "print_squared_number": (
        "Farmer Ruiz plants apple trees and always has as many rows as there are trees in a row. His daughter types "
        "that whole number as a line into the old computer in the barn, and it shows how many trees that makes in all. "
        "For fun she puts a dash in front of the number, and the machine, which cannot picture an orchard, shows the "
        "same as without the dash. What does it show?"
    ),
    "mass_times_velocity": (
        "In the curling hall the referee rates how hard a sliding stone is to stop. A stone of mass one gets as many "
        "marks as its velocity says; each further unit of mass brings that many marks again, and half a unit half as "
        "many. Stones that slide toward the door have a negative velocity, and so are their marks. The ice was "
        "polished at noon. How many marks does this stone get?"
    ),
    "is_first_price_less": (
        "Two stalls sell the same melons, one on the left of the fountain and one on the right. Nora lives on the "
        "right side and hates detours, so she crosses the square to the left stall, whose tag says first_price, only "
        "if it saves her money, however little, compared with the tag at the right stall, second_price. With equal "
        "tags she stays where she is. Does she cross, True or False?"
    ),
    "last_three_letters": (
        "The cloakroom tickets at the opera are too small for most texts, so the machine tears off the front and keeps "
        "the tail: three signs survive, in their usual order, as banana would leave ana. A text of three or fewer "
        "signs fits and stays untouched, even an empty one. The soprano is clearing her throat. What is on the ticket "
        "for the given word?"
    ),
    "sum_of_lengths": (
        "A stonemason charges by the sign. The widow Hartmann has handed him the words for a memorial, one on each "
        "slip of paper, and some slips may be blank. He chisels them all into one stone with nothing in between, and "
        "every sign costs him one stroke of the big hammer. Crows watch from the wall. How many strokes will the crows "
        "hear until the stone is finished?"
    ),
    "print_double": (
        "The Novak twins insist on being treated alike. Whatever one of them gets, cookies, marbles or, as a negative "
        "number, chores, must be handed out to the other as well. Their uncle types into his tablet, as a line, the "
        "whole number meant for one twin. A goldfish looks on. The tablet then shows nothing but the number that he "
        "needs for the two of them together."
    ),
    "force_divided_by_area": (
        "Rosa the elephant walks onto the pond ice, and the zoo director bites his nails. What cracks ice is not her "
        "push alone but how much of it each square of ice under her has to carry, and all squares carry alike. The "
        "push is given as force, where a negative one pulls upward, and the number of squares under her as area. How "
        "much rests on one square, with digits behind the point if needed?"
    ),
    "are_all_equal": (
        "The judges of a diving contest hold up their cards a, b and c at the same moment, and some of them like to "
        "show figures below zero. The diver wins the golden towel only if nobody can tell the cards apart by what is "
        "on them. As soon as one judge shows something else than another, the towel stays in its box. Does the diver "
        "win it, True or False?"
    ),
    "length_times_two": (
        "The town crier of Bex announces a text to the deaf baker by stamping on the floor of the bakery. For each "
        "sign of the text, blanks and digits as well as letters, he stamps once with the left boot and once with the "
        "right. Flour drifts down from the shelves. With an empty text he just stands there. How many stamps does the "
        "baker feel in all?"
    ),
    "running_total": (
        "A beekeeper pours the harvest of each hive in turn into one big barrel with a scale on its side, and a "
        "negative figure means that she scoops some out instead. After every hive she reads the scale and chalks the "
        "level on the shed. The barrel is empty at the start, and some summers there are no hives. A bear watches from "
        "the forest. Which levels are chalked on the shed, from the earliest to the latest?"
    ),
    "print_sum_of_numbers": (
        "The miller's wife keeps the day's whole coins on one line: what each customer paid, with a blank between one "
        "and the next, and with a negative number where she gave money back. At sunset she types this line into the "
        "machine as it is. The machine shows a single number, how many coins the purse has gained since morning, "
        "negative if it has lost some. The cat sleeps in the flour."
    ),
}
