internal import CKernels
internal import COneDNN

/// The nonlinearities that a projection can end with.
package enum Activation: String, Sendable, Hashable, CaseIterable {
    /// The identity.
    case none
    /// x Phi(x), with the error function.
    case geluErf
    /// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    case geluTanh
    /// The hyperbolic tangent.
    case tanh
    /// max(x, 0).
    case relu
    /// x / (1 + exp(-x)).
    case silu
    /// 1 / (1 + exp(-x)).
    case sigmoid

    /// oneDNN's number of the operation (0: none) and its parameter.
    var algorithm: (kind: Int32, alpha: Float) {
        switch self {
        case .none: (0, 0)
        case .geluErf: (Int32(dnnl_eltwise_gelu_erf.rawValue), 0)
        case .geluTanh: (Int32(dnnl_eltwise_gelu_tanh.rawValue), 0)
        case .tanh: (Int32(dnnl_eltwise_tanh.rawValue), 0)
        case .relu: (Int32(dnnl_eltwise_relu.rawValue), 0)
        case .silu: (Int32(dnnl_eltwise_swish.rawValue), 1)
        case .sigmoid: (Int32(dnnl_eltwise_logistic.rawValue), 0)
        }
    }

    /// The same in this module's products.
    var native: bigs_activation {
        switch self {
        case .none: bigs_identity
        case .geluErf: bigs_gelu_erf
        case .geluTanh: bigs_gelu_tanh
        case .tanh: bigs_tanh
        case .relu: bigs_relu
        case .silu: bigs_silu
        case .sigmoid: bigs_sigmoid
        }
    }
}
