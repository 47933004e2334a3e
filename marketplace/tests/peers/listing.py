"""What speaks against the listing in the folder argv[1]: `dcat.jsonld` and `contract.yaml`.

Prints JSON: what is wrong with each, as lists of sentences, and what was read in them:

  dcat      violations of listing.shacl.ttl, and terms that the vocabularies in rdflib do not have
  contract  violations of ODCS's JSON schema
  read      what rdflib, PyYAML and the standard's own model read
"""

import importlib.resources
import json
import pathlib
import socket
import sys

import jsonschema
import pyshacl
import rdflib
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from rdflib.namespace import DCAT, DCTERMS, FOAF, ODRL2, RDF, SDO, SKOS, XSD

# Since DCAT 3; rdflib has those of DCAT 2.
NEW_TERMS = {rdflib.URIRef(f"{DCAT._NS}version")}
OFFER = """
    SELECT ?price ?unit WHERE {
        ?dataset odrl:hasPolicy/odrl:permission/odrl:duty/odrl:action ?action .
        ?action rdf:value odrl:compensate ; odrl:refinement ?refinement .
        ?refinement odrl:leftOperand odrl:payAmount ; odrl:rightOperand ?price ; odrl:unit ?unit .
    }
"""


def no_network(*_):
    raise OSError("a listing must be read without a network")


def unknown_terms(graph):
    """Terms that are in a vocabulary's namespace and not in the vocabulary."""
    vocabularies = (DCAT, DCTERMS, FOAF, ODRL2, RDF, SDO, SKOS, XSD)
    used = {term for triple in graph for term in triple if isinstance(term, rdflib.URIRef)}
    used |= {term.datatype for triple in graph for term in triple if getattr(term, "datatype", None)}
    for term in sorted(used - NEW_TERMS):
        for vocabulary in vocabularies:
            if term.startswith(str(vocabulary._NS)) and term not in vocabulary:
                yield f"{term} is no term of its vocabulary"


def check_dcat(text, shapes):
    graph = rdflib.Graph().parse(data=text, format="json-ld")
    _, results, _ = pyshacl.validate(graph, shacl_graph=rdflib.Graph().parse(shapes))
    sh = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    wrong = [
        f"{results.value(result, sh.resultPath)}: {results.value(result, sh.resultMessage)}"
        for result in results.subjects(RDF.type, sh.ValidationResult)
    ]
    datasets = list(graph.subjects(RDF.type, DCAT.Dataset))
    read = {
        "datasets": [str(dataset) for dataset in datasets],
        "title": [str(title) for dataset in datasets for title in graph.objects(dataset, DCTERMS.title)],
        "price": [str(row.price) for row in graph.query(OFFER)],
        "signals": sorted(str(name) for name in graph.objects(None, SDO.name)),
    }
    return wrong + list(unknown_terms(graph)), read


def check_contract(text):
    schema = importlib.resources.files("open_data_contract_standard") / "schema.json"
    document = yaml.safe_load(text)
    validator = jsonschema.Draft201909Validator(json.loads(schema.read_text("utf-8")))
    wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    if wrong:
        return wrong, None
    model = OpenDataContractStandard.from_string(text)
    return wrong, {"apiVersion": model.apiVersion, "name": model.name, "price": model.price.priceAmount}


def main():
    socket.socket.connect = no_network
    folder = pathlib.Path(sys.argv[1])
    shapes = pathlib.Path(__file__).with_name("listing.shacl.ttl")
    dcat, graph = check_dcat((folder / "dcat.jsonld").read_text("utf-8"), shapes)
    contract, model = check_contract((folder / "contract.yaml").read_text("utf-8"))
    json.dump({"dcat": dcat, "contract": contract, "read": {"dcat": graph, "contract": model}}, sys.stdout)


main()
