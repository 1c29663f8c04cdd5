# What stands for the platform's private addon in tests: the models that the event contract names, its publisher, a page that
# says what Odoo knows of a certificate, and what a later Odoo has for keys.
{
    "name": "DNS zones of radio amateurs (tests)",
    "version": "19.0.1.0.0",
    "license": "LGPL-3",
    "category": "Hidden",
    "depends": ["base"],
    "external_dependencies": {"python": ["pika"], "apt": {"pika": "python3-pika"}},
    "data": [
        "security/groups.xml",
        "security/ir.model.access.csv",
        "data/service_account.xml",
    ],
}
