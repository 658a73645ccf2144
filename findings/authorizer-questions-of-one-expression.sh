#!/usr/bin/env bash
# An expression of a ValidatingAdmissionPolicy may ask the authorizer at most twice.
#
# k8s.io/apiserver v0.37.2 (Kubernetes 1.37). Each `authorizer….check(…)` costs 350,000, and one expression may cost
# 1,000,000. An expression with three questions compiles, is accepted, and fails at every request with
#     operation cancelled: actual cost limit exceeded
# which `failurePolicy: Fail` turns into a refusal of everything that the policy matches. The same three questions in
# three `variables` pass: each variable is counted by itself, and only the sum of all (10,000,000) is bounded. So a rule
# of the kind "may the user do this to each object of a list" cannot be written with one question for each object.
#
# Seen:
#     two questions:            true, cost over 700000
#     three questions:          … resulted in error: operation cancelled: actual cost limit exceeded
#     three in three variables: true, cost over 1050000
#
# Needs Go 1.26.0 or newer and a module proxy. Exits with 1 if the behaviour is another one.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/cel/environment"
)

var anybody = authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionAllow, "", nil
})

func question(resource string) string {
	return fmt.Sprintf("authorizer.group('').resource('%s').check('get').allowed()", resource)
}

func evaluate(variables map[string]string, expression string) string {
	options := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(version.MajorMinor(1, 37)))
	if err != nil {
		return err.Error()
	}
	for name, text := range variables {
		compiler.CompileAndStoreVariable(&validating.Variable{Name: name, Expression: text}, options, environment.StoredExpressions)
	}
	conditions := []cel.ExpressionAccessor{&validating.ValidationCondition{Expression: expression}}
	evaluator := compiler.CompileCondition(conditions, options, environment.StoredExpressions)
	if problems := evaluator.CompilationErrors(); len(problems) > 0 {
		return problems[0].Error()
	}
	kind := schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}}
	attributes := admission.NewAttributesRecord(object, nil, kind, "default", "a", resource, "", admission.Create, nil, false, &user.DefaultInfo{Name: "anybody"})
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedObject: admission.NewLazyObject(object), VersionedKind: kind}
	request := cel.CreateAdmissionRequest(attributes, metav1.GroupVersionResource(resource), metav1.GroupVersionKind(kind))
	results, left, err := evaluator.ForInput(context.Background(), versioned, request, cel.OptionalVariableBindings{Authorizer: anybody}, nil, celconfig.RuntimeCELCostBudget)
	if err != nil {
		return err.Error()
	}
	if results[0].Error != nil {
		return results[0].Error.Error()
	}
	return fmt.Sprintf("%v, cost over %d", results[0].EvalResult.Value(), (celconfig.RuntimeCELCostBudget-left)/10000*10000)
}

func main() {
	pods, nodes, secrets := question("pods"), question("nodes"), question("secrets")
	seen := []string{
		"two questions:            " + evaluate(nil, pods+" && "+nodes),
		"three questions:          " + evaluate(nil, pods+" && "+nodes+" && "+secrets),
		"three in three variables: " + evaluate(map[string]string{"a": pods, "b": nodes, "c": secrets}, "variables.a && variables.b && variables.c"),
	}
	text := strings.Join(seen, "\n")
	fmt.Println(text)
	expected := strings.Contains(seen[0], "true") && strings.Contains(seen[1], "cost limit exceeded") && strings.Contains(seen[2], "true")
	if !expected {
		fmt.Println("the behaviour is another one")
		os.Exit(1)
	}
}
GO
cat > go.mod <<'MOD'
module finding

go 1.26.0
MOD
go mod edit -require=k8s.io/apiserver@v0.37.2 -require=k8s.io/apimachinery@v0.37.2
go mod tidy >/dev/null 2>tidy.log || { cat tidy.log; exit 1; }
go run .
