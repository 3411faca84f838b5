/// Which slot of an image each document has. In pages of neighbouring row numbers: quicker to ask
/// than a dictionary of all, four bytes a document, and a change beside a snapshot copies one page.
struct DocumentSlots: Sendable {
    /// One more than the slot; 0 is none.
    private var pages: [Int64: [UInt32]] = [:]
    /// How many documents have one.
    private(set) var count = 0

    private static let pageBits: Int64 = 8

    /// The slot of the document with this row number in the file.
    subscript(document: Int64) -> Int? {
        get {
            guard let page = pages[document >> Self.pageBits] else { return nil }
            let value = page[Self.place(document)]
            return value == 0 ? nil : Int(value) - 1
        }
        set {
            let value = newValue.map { UInt32($0 + 1) } ?? 0
            count += (newValue == nil ? 0 : 1) - (self[document] == nil ? 0 : 1)
            pages[
                document >> Self.pageBits,
                default: [UInt32](repeating: 0, count: 1 << Self.pageBits)
            ][Self.place(document)] = value
        }
    }

    private static func place(_ document: Int64) -> Int {
        Int(document & ((1 << pageBits) - 1))
    }
}
