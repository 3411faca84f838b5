/// Parts of a text that a reader would name. Every range counts Unicode scalars of the whole text,
/// is without white space at its ends, and is not empty; white space between parts belongs to none.
package enum TextBoundaries {
    /// Sentences by the default rules of Unicode Standard Annex #29; a line end is always a boundary.
    ///
    /// With `joiningLines` a single line end inside a paragraph counts as a space: for text whose
    /// lines were broken at a fixed width.
    package static func sentences(of text: String, joiningLines: Bool = false) -> [Range<Int>] {
        let scalars = text.unicodeScalars
        guard joiningLines else {
            return ranges(between: SentenceBreaks.shared.boundaries(of: scalars), of: scalars)
        }
        var sentences: [Range<Int>] = []
        var index = scalars.startIndex
        var position = 0
        for paragraph in paragraphs(of: text) {
            scalars.formIndex(&index, offsetBy: paragraph.lowerBound - position)
            let end = scalars.index(index, offsetBy: paragraph.count)
            var joined = String.UnicodeScalarView()
            for scalar in scalars[index..<end] {
                joined.append(isLineEnd(scalar) ? " " : scalar)
            }
            let breaks = SentenceBreaks.shared.boundaries(of: joined)
            for range in ranges(between: breaks, of: joined) {
                sentences.append(
                    range.lowerBound + paragraph.lowerBound..<range.upperBound
                        + paragraph.lowerBound)
            }
            index = end
            position = paragraph.upperBound
        }
        return sentences
    }

    /// Paragraphs: what stands between blank lines, paragraph separators (U+2029) and page breaks
    /// (U+000C), after the newline guidelines of the Unicode Standard, section 5.8. A line is blank
    /// when it has nothing but white space.
    package static func paragraphs(of text: String) -> [Range<Int>] {
        var paragraphs: [Range<Int>] = []
        var lower: Int?
        var upper = 0
        func end() {
            if let start = lower { paragraphs.append(start..<upper) }
            lower = nil
        }
        eachLine(of: text) { content, terminator in
            if let content {
                if lower == nil { lower = content.lowerBound }
                upper = content.upperBound
            } else {
                end()
            }
            if terminator == "\u{2029}" || terminator == "\u{C}" { end() }
        }
        end()
        return paragraphs
    }

    /// Lines, ended by any of CR LF, LF, CR, NEL, VT, FF, LS and PS; blank ones are left out.
    package static func lines(of text: String) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        eachLine(of: text) { content, _ in
            if let content { lines.append(content) }
        }
        return lines
    }

    private static func isLineEnd(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Calls `body` with each line without the white space around it, nil for a blank one, and with
    /// the scalar that ended it, nil at the end of the text.
    private static func eachLine(
        of text: String, _ body: (Range<Int>?, Unicode.Scalar?) -> Void
    ) {
        var trimmed = TrimmedRange()
        var position = 0
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            // CR LF is one line end, not a line end and a blank line.
            let isSecondHalf = scalar == "\n" && last == "\r"
            if isLineEnd(scalar), !isSecondHalf {
                body(trimmed.range, scalar)
                trimmed = TrimmedRange()
            }
            trimmed.add(scalar, at: position)
            last = scalar
            position += 1
        }
        body(trimmed.range, nil)
    }

    /// The parts that `boundaries` cut `text` into, without white space at their ends.
    private static func ranges(
        between boundaries: [Int], of text: String.UnicodeScalarView
    ) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(boundaries.count + 1)
        var trimmed = TrimmedRange()
        var next = boundaries.makeIterator()
        var boundary = next.next()
        for (position, scalar) in text.enumerated() {
            if position == boundary {
                if let range = trimmed.range { ranges.append(range) }
                trimmed = TrimmedRange()
                boundary = next.next()
            }
            trimmed.add(scalar, at: position)
        }
        if let range = trimmed.range { ranges.append(range) }
        return ranges
    }
}

/// From the first to the last scalar that is no white space.
private struct TrimmedRange {
    private(set) var range: Range<Int>?

    mutating func add(_ scalar: Unicode.Scalar, at position: Int) {
        if scalar.properties.isWhitespace { return }
        range = (range?.lowerBound ?? position)..<position + 1
    }
}
