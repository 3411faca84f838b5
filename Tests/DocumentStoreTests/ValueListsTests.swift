import TestSupport
import Testing

@testable import DocumentStore

/// Values with their slots, against a plain list of pairs.
struct ValueListsTests {
    private typealias Pair = (value: Scalar, slot: UInt32)

    private static func lists(_ pairs: [Pair]) -> ValueLists {
        var lists = ValueLists()
        var last: Scalar?
        for (value, slot) in pairs.sorted(by: { $0.value.precedes($1.value) }) {
            if value != last { lists.append(value) }
            last = value
            lists.append(slot: slot)
        }
        lists.trim()
        return lists
    }

    private static func strings(
        _ count: Int, from first: Int, _ random: inout SeededGenerator
    ) -> [Pair] {
        // Few letters and short, so that parts also lie across the ends of strings.
        (0..<count).map { index in
            let length = Int.random(in: 0...4, using: &random)
            let bytes = (0..<length).map { _ in UInt8.random(in: 97...98, using: &random) }
            return (.string(bytes), UInt32(first + index))
        }
    }

    private static func numbers(
        _ count: Int, from first: Int, _ random: inout SeededGenerator
    ) -> [Pair] {
        return (0..<count).map { index in
            (
                ordered[Int.random(in: 0..<ordered.count, using: &random)], UInt32(first + index)
            )
        }
    }

    /// Numbers from the smallest to the largest, some of them nearer to each other than doubles.
    private static let ordered: [Scalar] = [
        .number(-1e300), .integer(.min), .number(-3.5), .integer(-3), .number(-2.5), .number(-0.5),
        .integer(0), .number(0.5), .integer(1), .number(0x1p53), .integer(1 << 53 + 1),
        .number(0x1p53 + 2), .number(0x1.8p62), .integer(.max), .number(0x1p63), .number(1e300),
    ]

    private static func isLess(_ a: Scalar, _ b: Scalar) -> Bool {
        if case .string(let a) = a, case .string(let b) = b {
            return a.lexicographicallyPrecedes(b)
        }
        guard let a = ordered.firstIndex(of: a), let b = ordered.firstIndex(of: b) else {
            return false
        }
        return a < b
    }

    private static func check(_ lists: ValueLists, _ pairs: [Pair]) {
        func slots(_ passes: (Scalar) -> Bool) -> Set<UInt32> {
            Set(pairs.filter { passes($0.value) }.map(\.slot))
        }
        #expect(Set(lists.slots) == slots { _ in true })
        for (value, _) in pairs {
            #expect(Set(lists.slots(of: lists.places(of: value))) == slots { $0 == value })
            for (ordering, passes) in [
                (.less, { isLess($0, value) }), (.lessOrEqual, { !isLess(value, $0) }),
                (.greater, { isLess(value, $0) }), (.greaterOrEqual, { !isLess($0, value) }),
            ] as [(MetadataFilter.Ordering, (Scalar) -> Bool)] {
                let found = lists.slots(of: lists.places(ordering, value))
                #expect(Set(found) == slots(passes), "\(ordering) \(value)")
            }
        }
    }

    @Test("values by equality and order, whole or merged of two", arguments: [0, 1, 3, 40])
    func places(count: Int) {
        var random = SeededGenerator(seed: UInt64(60 + count))
        for make in [Self.strings, Self.numbers] {
            let (a, b) = (make(count, 0, &random), make(17, count, &random))
            Self.check(Self.lists(a), a)
            Self.check(Self.lists(a).merged(with: Self.lists(b)), a + b)
            Self.check(Self.lists(b).merged(with: Self.lists(a)), a + b)
        }
        #expect(Self.lists([]).places(of: .integer(1)).isEmpty)
    }

    @Test("parts of strings, never across two", arguments: [[], [97], [97, 98], [98, 98, 97]])
    func parts(part: [UInt8]) {
        var random = SeededGenerator(seed: 65)
        for count in [0, 1, 2, 30, 500] {
            let pairs = Self.strings(count, from: 0, &random)
            let lists = Self.lists(pairs)
            var found: [Scalar] = []
            lists.forEachPlace(containing: part) { found.append(lists.value($0)) }
            let wanted = Set(pairs.map(\.value)).filter { value in
                guard case .string(let bytes) = value else { return false }
                return (0...max(0, bytes.count - part.count)).contains {
                    bytes.dropFirst($0).prefix(part.count).elementsEqual(part)
                }
            }
            #expect(found.count == wanted.count && Set(found) == wanted)
        }
    }

    @Test("strings too long for their slots are not held, and what they are merged with is neither")
    func abridged() {
        let size = ValueLists.textFloor / 10
        let pairs = (0..<11).map { index in
            (
                value: Scalar.string([UInt8](repeating: UInt8(index), count: size)),
                slot: UInt32(index)
            )
        }
        let (held, long) = (Self.lists(Array(pairs[..<9])), Self.lists(pairs))
        #expect(!held.isAbridged && long.isAbridged)
        #expect(held.count == 9 && long.count == 0)
        #expect(Set(long.slots) == Set(0..<11))
        for merged in [held.merged(with: long), long.merged(with: held)] {
            #expect(merged.isAbridged && merged.slots.count == 20)
        }
        // Many slots carry more.
        let many = pairs.flatMap { pair in (0..<30).map { (pair.value, UInt32($0)) } }
        #expect(!Self.lists(many).isAbridged)
    }
}
