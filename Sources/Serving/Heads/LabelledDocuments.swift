package import DocumentStore
package import Learning

/// Stored embeddings with labels from the documents' metadata: what a head is fitted on.
package struct LabelledDocuments: Sendable {
    /// Vectors of length one, with their labels.
    package let set: TrainingSet
    /// Documents that have no such member, or null there.
    package let withoutLabel: Int
    /// Documents that this model has not encoded.
    package let withoutEncoding: Int

    /// Gathers documents one by one.
    package struct Builder {
        private let field: String
        private let path: [Substring]
        private let kind: HeadKind?
        private var rows: [(labels: Set<String>, vector: [Float])] = []
        private var hasLists = false
        private var withoutLabel = 0
        private var withoutEncoding = 0

        /// - Parameters:
        ///   - field: members' names parted by dots; a leading `metadata.` may be left out.
        ///   - kind: nil takes sigmoid where any document has a list of labels, else softmax.
        package init(field: String, kind: HeadKind?) throws(LabelError) {
            var path = field.split(separator: ".", omittingEmptySubsequences: false)
            if path.count > 1, path[0] == "metadata" { path.removeFirst() }
            guard !path.contains(where: \.isEmpty) else { throw .badPath(field) }
            self.field = field
            self.path = path
            self.kind = kind
        }

        /// Takes a document in, with its metadata and the vector of the model that the head is for.
        package mutating func add(_ document: StoredDocument) throws(LabelError) {
            guard let members = document.metadata?.members,
                let value = Self.value(.object(members), path[...]), value != .null
            else {
                withoutLabel += 1
                return
            }
            guard let vector = document.encoding?.vector else {
                withoutEncoding += 1
                return
            }
            let labels: [String]
            if case .array(let values) = value {
                hasLists = true
                labels = try values.map { value throws(LabelError) in
                    try label(value, of: document)
                }
            } else {
                labels = [try label(value, of: document)]
            }
            if kind == .softmax, Set(labels).count != 1 {
                throw .notOne(id: document.id, field: field, count: Set(labels).count)
            }
            let unit = VectorFinish(normalize: true).apply(vector)
            guard rows.isEmpty || rows[0].vector.count == unit.count else {
                throw .sizesDiffer(id: document.id)
            }
            rows.append((Set(labels), unit))
        }

        /// What was gathered. Labels are sorted, so that equal documents make equal heads.
        package func finish() throws(LabelError) -> LabelledDocuments {
            guard let first = rows.first else {
                throw .noDocuments(
                    field: field, withoutLabel: withoutLabel, withoutEncoding: withoutEncoding)
            }
            let labels = Set(rows.flatMap(\.labels)).sorted()
            let index = Dictionary(
                uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
            let set: TrainingSet
            do {
                set = try TrainingSet(
                    kind: kind ?? (hasLists ? .sigmoid : .softmax), labels: labels,
                    dimensions: first.vector.count, vectors: rows.flatMap(\.vector),
                    targets: rows.map { row in row.labels.compactMap { index[$0] }.sorted() })
            } catch {
                throw .learning(error)
            }
            return LabelledDocuments(
                set: set, withoutLabel: withoutLabel, withoutEncoding: withoutEncoding)
        }

        private static func value(
            _ value: MetadataValue, _ path: ArraySlice<Substring>
        ) -> MetadataValue? {
            guard let name = path.first else { return value }
            guard case .object(let members) = value, let next = members[String(name)] else {
                return nil
            }
            return Self.value(next, path.dropFirst())
        }

        private func label(
            _ value: MetadataValue, of document: StoredDocument
        ) throws(LabelError) -> String {
            switch value {
            case .string(let text): return text
            case .integer(let number): return String(number)
            case .bool(let flag): return flag ? "true" : "false"
            case .number, .null, .array, .object:
                throw .notALabel(id: document.id, field: field, kind: value.kindName)
            }
        }
    }
}

/// Why documents do not make a training set.
package enum LabelError: Error, Sendable, CustomStringConvertible {
    /// The label's path has an empty part.
    case badPath(String)
    /// A label that is neither text, a whole number nor true or false.
    case notALabel(id: String, field: String, kind: String)
    /// A document with several labels, or none, where one is needed.
    case notOne(id: String, field: String, count: Int)
    /// A vector of another size than the others.
    case sizesDiffer(id: String)
    /// Nothing to learn from.
    case noDocuments(field: String, withoutLabel: Int, withoutEncoding: Int)
    case learning(LearningError)

    package var description: String {
        switch self {
        case .badPath(let field): "the label field \"\(field)\" has an empty part"
        case .notALabel(let id, let field, let kind):
            "document \"\(id)\": \(field) is \(kind); a label is a string, a whole number, true "
                + "or false, or a list of these"
        case .notOne(let id, let field, let count):
            "document \"\(id)\": \(field) has \(count) labels; a softmax head needs one (or use "
                + "--kind sigmoid)"
        case .sizesDiffer(let id): "document \"\(id)\" has a vector of another size"
        case .noDocuments(let field, let withoutLabel, let withoutEncoding):
            "no document has both \(field) and an encoding of this model (\(withoutLabel) lack the "
                + "label, \(withoutEncoding) the encoding)"
        case .learning(let error): "\(error)"
        }
    }
}
