/// Drops elements of the differences from the base at random, rescales the rest, and keeps those
/// that agree in sign (DARE, arXiv:2311.03099, with the election of TIES).
public struct DARETIES: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when the weights are normalized and sum to zero.
  public init(_ group: MergeGroup) throws(MethodFault) {
    taskVectors = try TaskVectorMerge(group, sparsification: .random, electsSign: true)
  }
}

extension DARETIES {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "dare_ties",
    title: "DARE TIES",
    summary: "drops differences at random and keeps those that agree in sign",
    formula: """
      dᵢ as in dare_linear
      s  = sign of Σ wᵢ·dᵢ, + for a sum of zero
      mix = Σ wᵢ·dᵢ over the models with sign(wᵢ·dᵢ) = s
      out = b + λ·mix                             (normalize: false)
      out = b + λ·mix / Σ wᵢ of those models      (normalize: true)

      semantics: paper   dᵢ is divided by the density instead; s = sign of Σ dᵢ, none for zero
      semantics: peft    likewise, + for zero; out = b + λ·mix / number of models that agree
      """,
    goodFor: """
      As dare_linear, where the models change the same weights in different directions.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: TaskVectorParameters.all(
      normalize: TaskVectorParameters.normalizeBySemantics, rescale: true)
      + [TaskVectorSemantics.parameter(.mergekit, .paper, .peft)],
    source: "https://arxiv.org/abs/2311.03099",
    differences: [
      """
      What is dropped depends on the seed, the model's place, the tensor's name and the \
      element only; it is the same on every machine. Without --seed the seed is 0.
      """,
      "A difference whose sum of magnitudes is below 1e-7 is rescaled too; mergekit leaves it.",
      "Weights, factors and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: dare_ties
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.5}
        - model: ./code
          parameters: {weight: 0.8, density: 0.5}
      """)
}
