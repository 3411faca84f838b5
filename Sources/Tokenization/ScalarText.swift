/// A text that is cut at Unicode scalars, which is how offsets count.
package struct ScalarText: Sendable {
    private let scalars: [Unicode.Scalar]

    /// Takes the text apart, once.
    package init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// The part between two offsets, as far as the text has it.
    package subscript(range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range.clamped(to: 0..<scalars.count)])
        return String(view)
    }
}
