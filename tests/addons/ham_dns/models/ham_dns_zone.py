from odoo import api, fields, models

from .publisher import publish_after_commit


class HamDnsZone(models.Model):
    _name = "ham.dns.zone"
    _description = "DNS zone"
    _order = "name"

    name = fields.Char(required=True, help="Absolute, with the last dot: k6bp.u.hams.com.")
    owner_user_id = fields.Many2one("res.users", ondelete="set null")
    pdns_synced = fields.Boolean(default=False, readonly=True, help="PowerDNS has what stands here.")
    record_ids = fields.One2many("ham.dns.record", "zone_id")

    _name_is_unique = models.Constraint("unique(name)", "There is a zone of that name.")

    @api.model_create_multi
    def create(self, vals_list):
        zones = super().create(vals_list)
        zones._publish("create")
        return zones

    def write(self, vals):
        # What the service account writes back is no change of a zone.
        if set(vals) == {"pdns_synced"}:
            return super().write(vals)
        before = self.mapped("name")
        done = super().write({**vals, "pdns_synced": False})
        self._publish("write", also=before)
        return done

    def unlink(self):
        self._publish("unlink")
        return super().unlink()

    def _publish(self, action, also=()):
        if self:
            names = sorted({*self.mapped("name"), *also})
            publish_after_commit(self.env, action, self._name, self.ids, self.ids, names)
