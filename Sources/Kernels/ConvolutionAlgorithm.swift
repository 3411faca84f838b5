/// A way to convolve; all are exact to float32 but `tiles`, which is to 16 bits of the kernel and is of
/// rows of 8.
package enum ConvolutionAlgorithm: Sendable, Hashable, CustomStringConvertible {
    /// The product with a triangular Toeplitz matrix.
    case toeplitz
    /// The same on the matrix unit.
    case tiles
    /// Blocks of this many rows.
    case partitioned(size: Int)
    /// FFTW, one transform of the whole sequence.
    case fftw
    /// A scan of the model's states, chunk by chunk.
    case scan

    package var description: String {
        switch self {
        case .toeplitz: "toeplitz"
        case .tiles: "tiles"
        case .partitioned(let size): "blocks-\(size)"
        case .fftw: "fftw"
        case .scan: "scan"
        }
    }

    /// What `description` names.
    init?(_ description: String) {
        let all =
            [.toeplitz, .tiles, .fftw, .scan]
            + PartitionedConvolution.sizes.map { ConvolutionAlgorithm.partitioned(size: $0) }
        guard let found = all.first(where: { $0.description == description }) else { return nil }
        self = found
    }

    /// The longest sequence that goes through the Toeplitz product anywhere.
    static let longestToeplitz = 512
    /// The same on the matrix unit.
    static let longestTiles = 2048
    /// The most blocks that a sequence is cut into: the product over blocks grows with their square.
    private static let mostBlocks = 64

    /// What can be tried at a length, for a model of so many states and rows stored so.
    static func candidates(
        length: Int, states: Int, _ storage: Storage
    ) -> [ConvolutionAlgorithm] {
        var all: [ConvolutionAlgorithm] = length <= longestToeplitz ? [.toeplitz] : []
        if length <= longestTiles, storage == .bfloat16, Processor.hasMatrixUnit(.bfloat16) {
            all.append(.tiles)
        }
        all += PartitionedConvolution.sizes.filter {
            $0 <= max(64, length) && $0 * mostBlocks >= length
        }
        .map { .partitioned(size: $0) }
        if length >= 64 { all.append(.fftw) }
        if length > ChunkedScan.chunk && states <= ChunkedScan.mostStates { all.append(.scan) }
        return all
    }

    /// What is the fastest on the machines that were looked at; nothing there depends on luck.
    static func usual(length: Int) -> ConvolutionAlgorithm {
        switch length {
        case ...40: .toeplitz
        case ...768: .partitioned(size: 64)
        case ...1024: .partitioned(size: 128)
        case ...1536: .partitioned(size: 256)
        case ...5120: .partitioned(size: 512)
        case ...131_072: .partitioned(size: 2048)
        default: .fftw
        }
    }

    /// Channels that are one piece of work for a thread: a cache line of bfloat16 rows.
    static let channelBlock = 32

    /// The floats that one sequence of `length` rows needs to work in.
    func workFloats(length: Int) -> Int {
        let block = Self.channelBlock * length
        return switch self {
        case .toeplitz: 2 * block
        case .tiles: TiledToeplitz.workFloats(length: length)
        case .partitioned(let size): PartitionedConvolution.workFloats(size: size, length: length)
        case .fftw: block + FourierConvolution.workFloats(length: length)
        case .scan: ChunkedScan.workFloats(states: ChunkedScan.mostStates)
        }
    }

    /// The floats that suffice for every algorithm at every length up to `maximumLength`.
    static func workFloats(maximumLength: Int) -> Int {
        // Longer sequences need no less, within one algorithm; each may end at a length of its own.
        let ends =
            PartitionedConvolution.sizes.map { $0 * mostBlocks } + [longestToeplitz, longestTiles]
        let lengths = ends.filter { $0 < maximumLength } + [maximumLength]
        return lengths.flatMap { length in
            // The planner chooses for a class of lengths by its longest.
            Set([length, ConvolutionPlanner.classLength(length)]).flatMap { known in
                candidates(length: known, states: 1, .bfloat16) + [usual(length: known)]
            }.map { $0.workFloats(length: length) }
        }.max() ?? 0
    }
}
