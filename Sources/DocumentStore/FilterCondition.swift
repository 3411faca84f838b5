/// A filter in the shape in which SQL gets it.
///
/// SQLite's parser has a stack of a hundred entries, and bounds how high an expression may be. So only
/// tests are negated, joins of one kind are one join, constants stand alone, and in a join the part that
/// needs most of the stack comes first, where nothing lies below it yet.
struct FilterCondition {
    enum Form {
        case constant(Bool)
        case test(path: [UInt8], MetadataFilter.Test, isNegated: Bool)
        /// Two parts or more.
        case join(Word, [FilterCondition])
    }

    enum Word: String {
        case and = " AND "
        case or = " OR "
    }

    let form: Form

    /// How many entries of the parser's stack are taken at most where a test begins.
    let stack: Int

    /// How many operators there are at most above a test.
    let height: Int

    /// The largest `stack` that every statement with a test of every kind leaves room for.
    static let maximumStack = 64

    /// The largest `height`; SQLite's limit is 1,000 with all that is above and in a test.
    static let maximumHeight = 900

    /// So many parts stand beside each other, apart from the first.
    private static let width = 32

    init(_ node: MetadataFilter.Node, isNegated: Bool = false) {
        switch node {
        case .not(let node): self.init(node, isNegated: !isNegated)
        case .test(_, .equal([])): self.init(.constant(isNegated))
        case .test(let path, let test):
            self.init(.test(path: path, test, isNegated: isNegated))
        case .all(let nodes): self.init(isNegated ? .or : .and, of: nodes, isNegated: isNegated)
        case .any(let nodes): self.init(isNegated ? .and : .or, of: nodes, isNegated: isNegated)
        }
    }

    private init(_ form: Form, stack: Int = 0, height: Int = 0) {
        (self.form, self.stack, self.height) = (form, stack, height)
    }

    private init(_ word: Word, of nodes: [MetadataFilter.Node], isNegated: Bool) {
        var parts: [FilterCondition] = []
        for node in nodes {
            guard Self.add(node, isNegated: isNegated, to: &parts, of: word) else {
                self.init(.constant(word == .or))
                return
            }
        }
        parts.sort { $0.stack(in: word) > $1.stack(in: word) }
        guard let first = parts.first else {
            self.init(.constant(word == .and))
            return
        }
        // The first, which may be high, is put no deeper by how many others there are.
        let others = Array(parts.dropFirst())
        let groups = stride(from: 0, to: others.count, by: Self.width).map {
            Self.row(word, Array(others[$0..<min($0 + Self.width, others.count)]))
        }
        self = groups.isEmpty ? first : Self.row(word, [first, Self.row(word, groups)])
    }

    /// Adds what a filter is to a join; false when it decides the join alone.
    private static func add(
        _ node: MetadataFilter.Node, isNegated: Bool, to parts: inout [FilterCondition],
        of word: Word
    ) -> Bool {
        switch (node, word, isNegated) {
        case (.not(let node), _, _):
            return add(node, isNegated: !isNegated, to: &parts, of: word)
        case (.all(let nodes), .and, false), (.all(let nodes), .or, true),
            (.any(let nodes), .or, false), (.any(let nodes), .and, true):
            return nodes.allSatisfy { add($0, isNegated: isNegated, to: &parts, of: word) }
        case (.all(let nodes), _, _) where nodes.count == 1,
            (.any(let nodes), _, _) where nodes.count == 1:
            return add(nodes[0], isNegated: isNegated, to: &parts, of: word)
        default:
            let part = FilterCondition(node, isNegated: isNegated)
            if case .constant(let value) = part.form { return value == (word == .and) }
            parts.append(part)
            return true
        }
    }

    /// The parts in this order; one is itself.
    private static func row(_ word: Word, _ parts: [FilterCondition]) -> FilterCondition {
        if parts.count == 1 { return parts[0] }
        var (stack, height) = (0, 0)
        for (index, part) in parts.enumerated() {
            // Below the others are what stands before them and the word.
            stack = max(stack, part.stack(in: word) + (index == 0 ? 0 : 2))
            height = max(height, part.height + parts.count - max(index, 1))
        }
        return FilterCondition(.join(word, parts), stack: stack, height: height)
    }

    private func stack(in word: Word) -> Int { stack + (isEnclosed(in: word) ? 1 : 0) }

    /// Whether it needs parentheses in a join.
    func isEnclosed(in word: Word) -> Bool {
        if case .join(let own, _) = form { own == word || own == .or } else { false }
    }
}

extension MetadataFilter {
    /// Whether it lets every document through whatever its metadata, as `{}` does, also where that is
    /// only plain from how its parts are joined.
    package var isAlwaysTrue: Bool {
        if case .constant(true) = FilterCondition(root).form { true } else { false }
    }
}
