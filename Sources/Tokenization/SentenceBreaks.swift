/// Where sentences end: the default rules of Unicode Standard Annex #29, section 5 (Unicode 15.0).
///
/// A value without state but its table; any number of threads may use it at once.
struct SentenceBreaks: Sendable {
    /// The property Sentence_Break.
    enum Class: UInt32 {
        case other, carriageReturn, lineFeed, separator, extend, format, space, lower, upper
        case otherLetter, numeric, fullStop, terminator, goesOn, close

        /// ParaSep of the annex.
        var endsParagraph: Bool {
            self == .separator || self == .carriageReturn || self == .lineFeed
        }
        /// SATerm of the annex.
        var isTerminator: Bool { self == .fullStop || self == .terminator }
    }

    static let shared = SentenceBreaks()

    private let classes: PagedTable

    private init() {
        var table = PagedTable()
        func add(_ ranges: String, _ name: Class) {
            UnicodeData.stridedRanges(ranges) { table.fill($0, with: name.rawValue) }
        }
        add(UnicodeSentenceBreaks.separator, .separator)
        add(UnicodeSentenceBreaks.extend, .extend)
        add(UnicodeSentenceBreaks.format, .format)
        add(UnicodeSentenceBreaks.space, .space)
        add(UnicodeSentenceBreaks.lower, .lower)
        add(UnicodeSentenceBreaks.upper, .upper)
        add(UnicodeSentenceBreaks.otherLetter, .otherLetter)
        add(UnicodeSentenceBreaks.numeric, .numeric)
        add(UnicodeSentenceBreaks.fullStop, .fullStop)
        add(UnicodeSentenceBreaks.terminator, .terminator)
        add(UnicodeSentenceBreaks.goesOn, .goesOn)
        add(UnicodeSentenceBreaks.close, .close)
        add("D", .carriageReturn)
        add("A", .lineFeed)
        classes = table
    }

    /// The class of one scalar.
    func `class`(of scalar: Unicode.Scalar) -> Class {
        Class(rawValue: classes[scalar.value]) ?? .other
    }

    /// The indices, in scalars, before which a sentence starts; 0 and the end are not among them.
    ///
    /// Takes time in proportion to the text: what rule SB8 looks ahead over is looked over once for
    /// each mark that could end a sentence, and the look stops at the next such mark.
    func boundaries(of text: String.UnicodeScalarView) -> [Int] {
        var boundaries: [Int] = []
        var state = State()
        var index = text.startIndex
        var position = 0
        while index < text.endIndex {
            let next = self.class(of: text[index])
            if position > 0, state.breaks(before: next, lower: { isLowerAhead(text[index...]) }) {
                boundaries.append(position)
                state.phase = .none
            }
            state.advance(over: next)
            text.formIndex(after: &index)
            position += 1
        }
        return boundaries
    }

    /// `( ¬(OLetter | Upper | Lower | ParaSep | SATerm) )* Lower` of rule SB8.
    private func isLowerAhead(_ text: Substring.UnicodeScalarView) -> Bool {
        for scalar in text {
            let name = self.class(of: scalar)
            if name == .lower { return true }
            if name == .otherLetter || name == .upper || name.endsParagraph || name.isTerminator {
                return false
            }
        }
        return false
    }

    /// What the rules look back at.
    private struct State {
        /// How far `SATerm Close* Sp*` has been read.
        enum Phase { case none, terminator, close, space }

        var phase = Phase.none
        /// The scalar before, whatever it is.
        private var last = Class.other
        /// The scalar before that is not swallowed by rule SB5.
        private var lastKept = Class.other
        /// The one before the mark that `phase` speaks of.
        private var beforeTerminator = Class.other
        private var isFullStop = false
        private var isEmpty = true

        func breaks(before next: Class, lower: () -> Bool) -> Bool {
            if last == .carriageReturn, next == .lineFeed { return false }  // SB3
            if last.endsParagraph { return true }  // SB4
            if next == .extend || next == .format { return false }  // SB5
            if phase == .none { return false }  // SB998
            if isFullStop, phase == .terminator {
                if next == .numeric { return false }  // SB6
                let follows = beforeTerminator == .upper || beforeTerminator == .lower
                if follows, next == .upper { return false }  // SB7
            }
            if next == .goesOn || next.isTerminator { return false }  // SB8a
            if next == .close, phase != .space { return false }  // SB9
            if next == .space || next.endsParagraph { return false }  // SB9, SB10
            if isFullStop, lower() { return false }  // SB8
            return true  // SB11
        }

        mutating func advance(over next: Class) {
            defer { last = next }
            // SB5: a mark belongs to what it follows, unless that ends a paragraph or is missing.
            if next == .extend || next == .format, !isEmpty, !last.endsParagraph { return }
            isEmpty = false
            if next.isTerminator {
                phase = .terminator
                isFullStop = next == .fullStop
                beforeTerminator = lastKept
            } else if next == .close, phase == .terminator || phase == .close {
                phase = .close
            } else if next == .space, phase != .none {
                phase = .space
            } else {
                phase = .none
            }
            lastKept = next
        }
    }
}
