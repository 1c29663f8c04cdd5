from odoo import http


class Certificate(http.Controller):
    """Says what the edge tells Odoo of the client's certificate."""

    @http.route("/ham_dns/certificate", type="http", auth="none", save_session=False)
    def certificate(self):
        headers = http.request.httprequest.headers
        names = ["X-Client-Verify", "X-Client-DN"]
        return http.request.make_json_response({name: headers.get(name, "") for name in names})
