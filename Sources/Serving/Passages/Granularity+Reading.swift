extension Granularity {
    /// Reads what ``description`` gives; nil for anything else.
    init?(description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        switch (parts.first, parts.count) {
        case ("sentence", 1): self = .sentence
        case ("sentence", 2) where parts[1] == "joined": self = .sentenceAcrossLines
        case ("line", 1): self = .line
        case ("paragraph", 1): self = .paragraph
        case ("document", 1): self = .document
        case ("tokens", 3):
            guard let size = Int(parts[1]), let overlap = Int(parts[2]), size > overlap,
                overlap >= 0
            else { return nil }
            self = .tokens(size: size, overlap: overlap)
        case ("spans", 2):
            var spans: [Range<Int>] = []
            for text in parts[1].split(separator: ",") {
                let ends = text.split(separator: "-").compactMap { Int($0) }
                guard ends.count == 2, 0 <= ends[0], ends[0] <= ends[1], ends[1] <= Int32.max
                else { return nil }
                spans.append(ends[0]..<ends[1])
            }
            self = .spans(spans)
        default: return nil
        }
    }
}
