/// Which documents a list has, in which order.
package struct DocumentQuery: Sendable {
    /// What a list is sorted by; ties by id.
    package enum Order: String, Sendable, CaseIterable {
        /// The id, by its UTF-8 bytes.
        case id
        /// The time of the first put.
        case created
        /// The time of the last change. A document that changes while a list is walked moves, and
        /// may be seen again or missed.
        case updated
    }

    /// Only the documents whose metadata pass; nil is all.
    package var filter: MetadataFilter?
    /// What the list is sorted by.
    package var order: Order
    /// Largest first.
    package var isDescending: Bool
    /// How many documents a page has at most, 1 or more; it ends earlier past a few megabytes.
    package var limit: Int
    /// `DocumentPage.next` of the page before; nil starts at the first.
    package var cursor: String?
    /// Which parts are read.
    package var parts: DocumentParts
    /// The fingerprint of the model whose encodings are answered, and the newest of documents that have
    /// none of it; nil is each document's newest.
    package var model: [UInt8]?

    /// A query with these parts.
    package init(
        filter: MetadataFilter? = nil, order: Order = .id, isDescending: Bool = false,
        limit: Int = 100, cursor: String? = nil, parts: DocumentParts = [.metadata],
        model: [UInt8]? = nil
    ) {
        precondition(limit > 0)
        self.filter = filter
        self.order = order
        self.isDescending = isDescending
        self.limit = limit
        self.cursor = cursor
        self.parts = parts
        self.model = model
    }
}

/// One page of a list.
package struct DocumentPage: Sendable, Equatable {
    /// The documents, in order.
    package var documents: [StoredDocument]
    /// The cursor of the page after this one; nil at the end. It names a place in the order, so
    /// documents that are put or deleted meanwhile do not make others appear twice or not at all.
    package var next: String?
}
