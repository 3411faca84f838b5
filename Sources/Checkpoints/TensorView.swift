/// A tensor inside a mapped file: a validated view, which reads nothing until it is asked to.
///
/// Only the readers of this module make one, and only through `init(name:…)`, which checks that
/// every element lies inside the bytes given for it. So nothing about a view can fail later, except
/// asking for the wrong kind of number.
package struct TensorView: Sendable {
    /// The tensor's name in its file, keys of a tree joined with ".".
    package let name: String
    /// The sizes of the dimensions, outermost first; empty for a single number.
    package let shape: [Int]
    /// The distance, in elements, between neighbours along each dimension.
    package let strides: [Int]
    /// What the elements are.
    package let type: ElementType
    /// Number of elements: the product of `shape`.
    package let count: Int
    /// The name of the file that holds the tensor.
    package var fileName: String { file.name }

    let file: MappedFile
    /// Where the first element begins in `file`.
    let byteOffset: Int

    /// No framework writes more dimensions than this (NumPy's limit before version 2 was 32).
    static let maximumRank = 32

    /// Bytes of the longest name: without a limit, a tree of long keys would make each of its leaves a
    /// name many times as long as what the file has for it.
    static let maximumNameLength = 512

    /// A view of the elements of `type` that `bytes` of `file` hold, beginning at element `offset`.
    ///
    /// Throws when the name is too long, when there is a negative size or stride, when a size
    /// overflows, when an element lies outside `bytes`, or when there are more elements than `bytes`
    /// holds (a stride of 0 may not make a few bytes into a huge tensor).
    init(
        name: String, file: MappedFile, bytes: Range<Int>, type: ElementType, shape: [Int],
        strides: [Int], offset: Int
    ) throws(CheckpointError) {
        try TensorView.checkName(length: name.utf8.count, file: file)
        guard shape.count <= TensorView.maximumRank else {
            throw .tooManyDimensions(
                file: file.name, tensor: name, limit: TensorView.maximumRank, got: shape.count)
        }
        guard shape.count == strides.count else {
            throw .stridesMismatch(file: file.name, tensor: name, shape: shape, strides: strides)
        }
        guard offset >= 0, shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
            throw .negativeDimension(
                file: file.name, tensor: name, shape: shape + strides + [offset])
        }
        let stored = bytes.count / type.size
        let count = try TensorView.count(of: shape, name: name, file: file)
        var last = offset
        for (size, stride) in zip(shape, strides) where size > 1 && count > 0 {
            let (reach, overflows) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflowsToo) = last.addingReportingOverflow(reach)
            guard !overflows, !overflowsToo else {
                throw .shapeOverflow(file: file.name, tensor: name, shape: shape)
            }
            last = sum
        }
        guard count == 0 ? offset <= stored : last < stored else {
            throw .viewOutOfRange(
                file: file.name, tensor: name, neededElements: last, availableElements: stored)
        }
        guard count <= stored else {
            throw .viewRepeatsElements(
                file: file.name, tensor: name, elements: count, storedElements: stored)
        }
        self.name = name
        self.shape = shape
        self.strides = strides
        self.type = type
        self.count = count
        self.file = file
        byteOffset = bytes.lowerBound + offset * type.size
    }

    /// A view of a row-major array that fills `bytes` of `file` exactly; throws when it does not.
    init(
        name: String, file: MappedFile, bytes: Range<Int>, type: ElementType, shape: [Int]
    ) throws(CheckpointError) {
        let count = try TensorView.count(of: shape, name: name, file: file)
        let (size, overflows) = count.multipliedReportingOverflow(by: type.size)
        guard !overflows else {
            throw .shapeOverflow(file: file.name, tensor: name, shape: shape)
        }
        guard size == bytes.count else {
            throw .sizeMismatch(
                file: file.name, tensor: name, shape: shape, expected: size, got: bytes.count)
        }
        try self.init(
            name: name, file: file, bytes: bytes, type: type, shape: shape,
            strides: TensorView.rowMajorStrides(of: shape), offset: 0)
    }

    /// Throws where a name of so many bytes is too long.
    static func checkName(length: Int, file: MappedFile) throws(CheckpointError) {
        guard length <= maximumNameLength else {
            throw .nameTooLong(file: file.name, limit: maximumNameLength, got: length)
        }
    }

    /// Whether the elements lie one after the other, the last dimension fastest.
    package var isContiguous: Bool {
        guard count > 0 else { return true }
        let expected = TensorView.rowMajorStrides(of: shape)
        return zip(shape, zip(strides, expected)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    /// The product of `shape`, which also may not overflow when its zeros are left out: otherwise
    /// strides made of it would.
    private static func count(
        of shape: [Int], name: String, file: MappedFile
    ) throws(CheckpointError) -> Int {
        guard shape.count <= maximumRank else {
            throw .tooManyDimensions(
                file: file.name, tensor: name, limit: maximumRank, got: shape.count)
        }
        var product = 1
        for size in shape where size != 0 {
            guard size > 0 else {
                throw .negativeDimension(file: file.name, tensor: name, shape: shape)
            }
            let (next, overflows) = product.multipliedReportingOverflow(by: size)
            guard !overflows else {
                throw .shapeOverflow(file: file.name, tensor: name, shape: shape)
            }
            product = next
        }
        return shape.contains(0) ? 0 : product
    }

    private static func rowMajorStrides(of shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
        }
        return strides
    }
}
