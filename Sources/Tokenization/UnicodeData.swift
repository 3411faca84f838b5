/// The Unicode properties that Hugging Face's normaliser works with, parsed once from the text that
/// they are kept as.
struct UnicodeData: Sendable {
    let removed: [ClosedRange<UInt32>]
    let whitespace: [ClosedRange<UInt32>]
    let punctuation: [ClosedRange<UInt32>]
    let ideographs: [ClosedRange<UInt32>]
    let nonspacingMarks: Set<UInt32>
    /// Canonical combining classes other than 0.
    let combiningClasses: [UInt32: UInt32]
    /// Complete canonical decompositions, without Hangul.
    let decompositions: [UInt32: [UInt32]]
    /// Complete lower case mappings.
    let lowercase: [UInt32: [UInt32]]
    /// From the first to the last ideograph that has a decomposition.
    let compatibilityIdeographs: ClosedRange<UInt32> = 0xF900...0x2FA1F

    static let shared = UnicodeData()

    private init() {
        removed = Self.ranges(UnicodeRanges.removed)
        whitespace = Self.ranges(UnicodeRanges.whitespace)
        punctuation = Self.ranges(UnicodeRanges.punctuation)
        ideographs = Self.ranges(UnicodeRanges.ideographs)
        nonspacingMarks = Set(Self.ranges(UnicodeRanges.nonspacingMarks).joined())
        var classes: [UInt32: UInt32] = [:]
        Self.entries(UnicodeRanges.combiningClasses) { first, last, _, values in
            for scalar in first...last { classes[scalar] = values[0] }
        }
        combiningClasses = classes
        var decompositions: [UInt32: [UInt32]] = [:]
        Self.entries(UnicodeDecompositions.entries) { first, _, _, values in
            decompositions[first] = values
        }
        self.decompositions = decompositions
        var lowercase: [UInt32: [UInt32]] = [:]
        Self.entries(UnicodeLowercase.entries) { first, last, stride, values in
            guard first < last else {
                lowercase[first] = values
                return
            }
            for scalar in Swift.stride(from: first, through: last, by: Int(stride)) {
                lowercase[scalar] = [values[0] + scalar - first]
            }
        }
        self.lowercase = lowercase
    }

    /// The decomposition of a scalar that starts with a starter: up to its last starter, and the marks
    /// after that; nil if it is, or decomposes into, marks only.
    func startingParts(of scalar: UInt32) -> (starters: [UInt32], marks: [UInt32])? {
        let parts = decompositions[scalar] ?? [scalar]
        guard combiningClasses[parts[0]] == nil,
            let last = parts.lastIndex(where: { combiningClasses[$0] == nil })
        else { return nil }
        return (Array(parts[...last]), Array(parts[(last + 1)...]))
    }

    /// Whether a scalar is, or decomposes into, something with a mark that is not a nonspacing one:
    /// such marks stay when accents are stripped.
    func hasLastingMark(_ scalar: UInt32) -> Bool {
        (decompositions[scalar] ?? [scalar]).contains {
            combiningClasses[$0] != nil && !nonspacingMarks.contains($0)
        }
    }

    /// What a scalar that comes out of the normaliser does to the word that is being read.
    func splitKind(_ scalar: UInt32) -> CharacterTable.Kind {
        if Self.contains(whitespace, scalar) { return .space }
        return Self.contains(punctuation, scalar) ? .alone : .word
    }

    /// Whether one of the ranges, which are in ascending order, has the scalar.
    static func contains(_ ranges: [ClosedRange<UInt32>], _ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar)
    }

    private static func ranges(_ text: String) -> [ClosedRange<UInt32>] {
        text.utf8.split(separator: UInt8(ascii: " ")).map { bounds($0) }
    }

    /// Calls `body` with the ranges `first-last`, and with each single scalar of those that are
    /// written `first-last/2`.
    static func stridedRanges(_ text: String, _ body: (ClosedRange<UInt32>) -> Void) {
        for entry in text.utf8.split(separator: UInt8(ascii: " ")) {
            let parts = entry.split(separator: UInt8(ascii: "/"))
            let range = bounds(parts[0])
            guard parts.count == 2 else {
                body(range)
                continue
            }
            for scalar in range where (scalar - range.lowerBound).isMultiple(of: 2) {
                body(scalar...scalar)
            }
        }
    }

    /// Reads entries `first-last/stride=value+value`, of which `last`, `stride` and, for the scalar
    /// after that of the entry before, the whole left side may be missing.
    private static func entries(
        _ text: String,
        _ body: (_ first: UInt32, _ last: UInt32, _ stride: UInt32, _ values: [UInt32]) -> Void
    ) {
        var next: UInt32 = 0
        for entry in text.utf8.split(separator: UInt8(ascii: " ")) {
            let sides = entry.split(separator: UInt8(ascii: "="))
            let values = sides[sides.count - 1].split(separator: UInt8(ascii: "+")).map { hex($0) }
            var range = next...next
            var stride: UInt32 = 1
            if sides.count == 2 {
                let key = sides[0].split(separator: UInt8(ascii: "/"))
                range = bounds(key[0])
                if key.count == 2 { stride = hex(key[1]) }
            }
            body(range.lowerBound, range.upperBound, stride, values)
            next = range.upperBound + 1
        }
    }

    private static func bounds(_ text: Substring.UTF8View) -> ClosedRange<UInt32> {
        let ends = text.split(separator: UInt8(ascii: "-"))
        return hex(ends[0])...hex(ends[ends.count - 1])
    }

    private static func hex(_ text: Substring.UTF8View) -> UInt32 {
        text.reduce(0) { $0 << 4 | UInt32($1 < 0x3A ? $1 - 0x30 : $1 - 0x41 + 10) }
    }
}
