/// What passages say: parts of a text whose places count Unicode scalars.
enum PassageText {
    /// The part of the text at each of the places, as far as the text has it. Walks the text once and
    /// holds nothing of it but the parts.
    static func cut(_ places: [Range<Int>], outOf text: String) -> [String] {
        let scalars = text.unicodeScalars
        var indices: [Int: String.Index] = [:]
        var (index, offset) = (scalars.startIndex, 0)
        for end in Set(places.flatMap { [$0.lowerBound, $0.upperBound] }).sorted() {
            index =
                scalars.index(index, offsetBy: end - offset, limitedBy: scalars.endIndex)
                ?? scalars.endIndex
            offset = end
            indices[end] = index
        }
        return places.map { place in
            guard let start = indices[place.lowerBound], let end = indices[place.upperBound] else {
                return ""
            }
            return String(scalars[start..<end])
        }
    }
}
