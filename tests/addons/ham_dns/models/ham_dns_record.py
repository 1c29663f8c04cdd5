from odoo import api, fields, models

from .publisher import publish_after_commit

TYPES = ["A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "SSHFP", "LOC", "NAPTR", "NS"]


class HamDnsRecord(models.Model):
    _name = "ham.dns.record"
    _description = "DNS record"
    _order = "zone_id, name, record_type, id"

    zone_id = fields.Many2one("ham.dns.zone", required=True, index=True, ondelete="cascade")
    name = fields.Char(required=True, default="@", help="Below the zone; @ is the zone itself.")
    record_type = fields.Selection([(name, name) for name in TYPES], required=True)
    content = fields.Char(required=True)
    ttl = fields.Integer(default=300, help="Seconds.")
    priority = fields.Integer(help="Of an MX record.")

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._changed("create", records.zone_id)
        return records

    def write(self, vals):
        before = self.zone_id
        done = super().write(vals)
        self._changed("write", before | self.zone_id)
        return done

    def unlink(self):
        self._changed("unlink", self.zone_id)
        return super().unlink()

    def _changed(self, action, zones):
        if not self:
            return
        zones.write({"pdns_synced": False})
        publish_after_commit(self.env, action, self._name, self.ids, zones.ids, zones.mapped("name"))
