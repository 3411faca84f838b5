/// A question to the documents.
package struct SearchRequest: Sendable {
    /// What is looked for.
    package enum Query: Sendable {
        /// The nearest by cosine to this vector of the request's model.
        case vector([Float])
        /// The best by BM25 for these words: every word or "quoted phrase" counts by itself, no
        /// character is an operator.
        case text(String)
        /// Both, joined as the request's `fusion` says.
        case hybrid(text: String, vector: [Float])
        /// The nearest by cosine to a kept document, which is left out itself.
        case like(id: String)
    }

    /// Whether the query's text has words that are not looked for: at most 256 words and phrases are,
    /// with 1,024 words in them.
    package var leavesOutWords: Bool {
        switch query {
        case .text(let text), .hybrid(let text, _): TextQuery(text).isCut
        case .vector, .like: false
        }
    }

    /// How the rankings of a hybrid are joined.
    package struct Fusion: Sendable, Equatable {
        /// What a place in a ranking is worth.
        package enum Worth: Sendable, Equatable {
            /// 2 / (constant + rank): with equal weights the score is the sum of 1 / (constant + rank)
            /// (Cormack, Clarke, Büttcher 2009). The smaller the constant, the more the first places of
            /// either ranking count.
            case reciprocalRank(constant: Int)
            /// The score, put on a scale from 0, a hit that only just has a place in its ranking or none,
            /// to 1, the best one.
            case relativeScore
        }

        /// What is added up.
        package let worth: Worth
        /// The weight of the places by vector, from 0 to 1; those by words have the rest of 1. What has
        /// no place in a ranking of any weight is no hit.
        package let alpha: Double

        /// The ways by the names that clients give them.
        package enum Kind: String, Sendable, CaseIterable {
            case reciprocalRank = "rrf"
            case relativeScore = "relative_score"
        }

        /// The constant where nobody asks for another.
        package static let rankConstant = 60
        /// The constants that may be asked for.
        package static let rankConstants = 1...1_000_000
        /// The weights that may be asked for.
        package static let alphas = 0.0...1.0

        /// Reciprocal ranks with the usual constant, of equal weights.
        package static let usual = Fusion(
            worth: .reciprocalRank(constant: rankConstant), alpha: 0.5)

        private init(worth: Worth, alpha: Double) {
            self.worth = worth
            self.alpha = alpha
        }

        /// A way by its kind, by default reciprocal ranks, their constant, and the weight of the vectors;
        /// nil for a constant where no ranks are joined.
        package init?(_ kind: Kind?, rankConstant: Int? = nil, alpha: Double? = nil) {
            let alpha = alpha ?? Self.usual.alpha
            precondition(Self.alphas.contains(alpha))
            switch kind {
            case .reciprocalRank, nil:
                self.init(
                    worth: .reciprocalRank(constant: rankConstant ?? Self.rankConstant),
                    alpha: alpha)
            case .relativeScore:
                guard rankConstant == nil else { return nil }
                self.init(worth: .relativeScore, alpha: alpha)
            }
        }
    }

    /// What is ranked.
    package enum Scope: Sendable, Equatable {
        /// Documents, by their own vectors.
        case documents
        /// Documents, by their own vectors and by those of their passages. The best passage's cosine p
        /// has this weight w of 1, more than 0, and the document's own d the rest: the score is
        /// (1 - w) d + w p. In a hybrid both are rankings, which share the vectors' weight like that. A
        /// document without passages counts as one, its own.
        case documentsByPassages(weight: Double)
        /// Passages, of one granularity or (nil) of all; a text query still ranks documents.
        case passages(granularity: String?)
    }

    /// The weights that passages may be given beside their documents.
    package static let passageWeights = 0.0...1.0

    /// What is looked for.
    package var query: Query
    /// The fingerprint of the model whose vectors are compared: 32 bytes.
    package var model: [UInt8]
    /// How a hybrid's rankings are joined.
    package var fusion: Fusion
    /// How many hits there are at most; 1 or more.
    package var topK: Int
    /// Only documents whose metadata pass; nil is all.
    package var filter: MetadataFilter?
    /// What is ranked.
    package var scope: Scope
    /// Which parts of the documents are read for the hits.
    package var parts: DocumentParts

    /// A request with these parts.
    package init(
        query: Query, model: [UInt8], fusion: Fusion = .usual, topK: Int = 10,
        filter: MetadataFilter? = nil, scope: Scope = .documents,
        parts: DocumentParts = [.metadata]
    ) {
        precondition(topK > 0 && model.count == CacheKey.byteCount)
        self.query = query
        self.model = model
        self.fusion = fusion
        self.topK = topK
        self.filter = filter
        self.scope = scope
        self.parts = parts
    }
}

/// One answer to a `SearchRequest`.
package struct SearchHit: Sendable, Equatable {
    /// A place in one ranking, and the score that led to it.
    package struct Placing: Sendable, Equatable {
        /// 1 is the best; nil for a place past those that were looked through.
        package var rank: Int?
        /// The cosine, or BM25 (larger is better).
        package var score: Double
    }

    /// The document, with the parts that were asked for.
    package var document: StoredDocument
    /// The passage, without its vector, where passages were ranked, or the document's best one where it
    /// counted.
    package var passage: PassageReference?
    /// What the passage says, where there is one: as much of it as the text has.
    package var passageText: String?
    /// What hits are sorted by, largest first, ties by id and place in the text: cosine, what the
    /// `scope` makes of two, BM25, or for a hybrid what its `fusion` makes of all.
    package var score: Double
    /// The place by cosine, where it was asked for and the hit is in that ranking.
    package var byVector: Placing?
    /// The place by the best passage's cosine, where that was asked for and the hit is in that ranking.
    package var byPassage: Placing?
    /// The place by BM25, where it was asked for and the hit is in that ranking.
    package var byText: Placing?
}

/// Where a passage lies.
package struct PassageReference: Sendable, Hashable {
    /// How the text was cut.
    package var granularity: String
    /// Where it starts, in Unicode scalars of the text.
    package var start: Int
    /// One past its last scalar.
    package var end: Int
}
